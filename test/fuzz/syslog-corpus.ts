/** Messages as relays and devices write them. */
export const SYSLOG_LINES: readonly string[] = [
  '<165>1 2026-11-24T14:05:11.003Z gw.example.org evntslog 4711 ID47 [ex@32473 iut="3" src="a \\"b\\" \\]"][meta a="1" a="2"] \ufeffAn event',
  '<34>1 - - - - - -',
  '<34>Nov 24 14:05:11 bastion su[42]: failed for root',
  '<34>2026-11-24T14:05:11.123456+01:00 web-01 nginx: failed',
  '<34>000123: router-1: *Nov 24 14:05:11.123 CET: %SYS-5-CONFIG_I: Configured',
  '<164>Nov 24 2026 14:05:11 asa-01 : %ASA-4-106023: Deny tcp src outside:203.0.113.66/4444',
  '<34>Nov 24 14:05:11 2001:db8::1 sshd: failed',
  'a text alone',
  '<132>Nov 24 14:05:11 manager wazuh-alerts: {"id":"1795528800.1","timestamp":"2026-11-24T14:05:11.000+0000","rule":{"level":10,"description":"Password guessing","id":"5712"},"agent":{"name":"ws-04"},"manager":{"name":"wazuh-01"}}',
  '<132>app: @cee: {"level":"warn","msg":"Too many log-ins"}',
];

export const CEF_LINES: readonly string[] = [
  '<134>Nov 24 14:05:11 collector CEF:0|Exa\\|mple|Sensor \\\\|2.1|4711|Credential dumping|8|rt=1795528800123 src=203.0.113.66 spt=4444 dst=192.0.2.30 suser=j.doe duser=administrator sproc=lsass.exe fname=m.exe filePath=C:\\\\tmp\\\\m.exe fileHash=44D88612FEA8A8F36DE82E1278ABB02F request=http://bad.example/x?a=b act=blocked proto=TCP cat=Malware externalId=99 msg=Read of lsass\\nand a b\\=c cs1Label=MITRE Technique cs1=T1003.001 cs2Label=Tactic cs2=Credential Access',
  '<134>1 2026-11-24T14:05:11Z fw app - - - CEF: 0|Fortinet|Fortigate|v7|00013|traffic:forward close|3|deviceExternalId=F1 rt=Nov 24 2026 14:00:00.500 CET externalId=402 proto=6 ad.a[0]=1',
  'CEF:1|a|b|c|d|e|Very-High|',
];

export const LEEF_LINES: readonly string[] = [
  '<13>Nov 24 14:05:11 h LEEF:1.0|V|P|1|Deny|src=192.0.2.1\tdst=192.0.2.2\tsev=5\tdevTime=Nov 24 2026 14:00:00\tusrName=j.doe\tmsg=a b=c',
  '<13>1 2026-11-24T14:05:11Z collector app - - - LEEF:2.0|Example|Proxy|7|malware-block|^|devTime=1795528800123^sev=9^cat=Malware^url=https://bad.example/a.bin^sha256=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824^mitreTechnique=T1566.001',
  'LEEF:2.0|V|P|1|E|x5E|a=1^b=2',
  'LEEF:1.0|V|P|1|E|a=1#011b=2',
];
