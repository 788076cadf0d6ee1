/**
 * What a case gives to a run. A trigger's `when` may use all of them; a step may use those that the playbook declares
 * as `external` variables of the same name. A value that the case does not have is null.
 */
export const CASE_VARIABLES = {
  __case_id__: { type: 'uuid', description: 'Id of the case' },
  __case_title__: { type: 'string', description: 'Title of the case' },
  __case_severity__: { type: 'string', description: 'informational, low, medium, high or critical' },
  __case_rule__: { type: 'string', description: 'The correlation rule that opened the case' },
  __alert_id__: { type: 'uuid', description: 'Id of the alert that triggered the run' },
  __alert_title__: { type: 'string', description: 'Title of that alert' },
  __alert_severity__: { type: 'string', description: 'Severity of that alert' },
  __alert_source__: { type: 'string', description: 'Name of the source that sent it' },
  __alert_time__: { type: 'string', description: 'The alert’s own time, RFC 3339' },
  __verdict__: {
    type: 'string',
    description: 'benign, unknown, suspicious or malicious: the worst of the observables',
  },
  __score__: { type: 'integer', description: '0 (harmless) to 100 (certainly malicious)' },
  __attack__: { type: 'string', description: 'MITRE ATT&CK ids, separated by commas' },
  __source_ip__: { type: 'string', description: 'Address that the activity came from' },
  __source_ip_type__: { type: 'string', description: 'ipv4-addr or ipv6-addr' },
  __destination_ip__: { type: 'string', description: 'Address that the activity went to' },
  __malicious_ip__: { type: 'string', description: 'The address with the worst verdict among the malicious ones' },
  __malicious_ip_type__: { type: 'string', description: 'ipv4-addr or ipv6-addr' },
  __malicious_domain__: { type: 'string', description: 'The domain with the worst verdict among the malicious ones' },
  __malicious_url__: { type: 'string', description: 'The URL with the worst verdict among the malicious ones' },
  __malicious_hash__: { type: 'string', description: 'The file hash with the worst verdict among the malicious ones' },
  __user__: { type: 'string', description: 'The first user name' },
  __email__: { type: 'string', description: 'The first e-mail address' },
  __host__: { type: 'string', description: 'The first host name' },
  __domain__: { type: 'string', description: 'The first domain' },
  __url__: { type: 'string', description: 'The first URL' },
  __file_hash__: { type: 'string', description: 'The first file hash' },
} as const;

export type CaseVariable = keyof typeof CASE_VARIABLES;

export const isCaseVariable = (name: string): name is CaseVariable => Object.hasOwn(CASE_VARIABLES, name);
