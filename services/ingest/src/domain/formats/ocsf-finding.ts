import type { DetectionFinding } from '#contracts/alert';
import { DomainError, isJsonObject, type JsonObject } from '#libs/kernel';
import type { AlertFormat, NormalizedAlert } from './alert-format';
import { AlertFields } from './alert-fields';
import { severityCaption } from './alert-severity';
import { attackIds } from './attack-ids';
import { OCSF_VERSION } from './detection-finding';

const DETECTION_FINDING = 2004;
const SEVERITIES = [0, 1, 2, 3, 4, 5, 6, 99];

/**
 * An OCSF Detection Finding (https://schema.ocsf.io/1.8.0/classes/detection_finding): taken as it is. What other
 * required attributes determine (category, type) is filled in.
 */
export const ocsfFinding: AlertFormat = {
  name: 'ocsf',
  title: 'OCSF Detection Finding',

  recognizes: (alert) => 'class_uid' in alert && ('finding_info' in alert || 'category_uid' in alert),

  normalize(alert): NormalizedAlert {
    if (alert.class_uid !== DETECTION_FINDING) {
      throw new DomainError('invalid_field', {
        field: 'class_uid',
        reason: `must be ${DETECTION_FINDING} (Detection Finding), but is ${JSON.stringify(alert.class_uid ?? null)}.`,
      });
    }
    const fields = new AlertFields(alert);
    const metadata = objectAt(alert, 'metadata', 'metadata');
    const product = objectAt(metadata, 'product', 'metadata.product');
    const info = objectAt(alert, 'finding_info', 'finding_info');
    const uid = typeof info.uid === 'number' ? String(info.uid) : info.uid;
    if (typeof uid !== 'string' || uid.trim() === '') {
      throw new DomainError('invalid_field', {
        field: 'finding_info.uid',
        reason: 'is required: the id of the finding, by which its later versions are recognized.',
      });
    }
    const time = fields.time('time', 'time_dt', 'finding_info.created_time');
    if (time === undefined) {
      throw new DomainError('invalid_field', { field: 'time', reason: 'is required: milliseconds since 1970.' });
    }
    const severityId = alert.severity_id;
    if (typeof severityId !== 'number' || !SEVERITIES.includes(severityId)) {
      throw new DomainError('invalid_field', {
        field: 'severity_id',
        reason: `must be one of ${SEVERITIES.join(', ')}, but is ${JSON.stringify(severityId ?? null)}.`,
      });
    }
    const activityId = Number.isInteger(alert.activity_id) ? Number(alert.activity_id) : 1;
    const finding: DetectionFinding = {
      ...alert,
      activity_id: activityId,
      category_uid: 2,
      class_uid: DETECTION_FINDING,
      type_uid: DETECTION_FINDING * 100 + activityId,
      time,
      severity_id: severityId,
      severity: textOr(alert.severity, severityCaption(severityId)),
      message: textOr(alert.message, undefined),
      status_id: Number.isInteger(alert.status_id) ? Number(alert.status_id) : undefined,
      metadata: {
        ...metadata,
        version: textOr(metadata.version, OCSF_VERSION),
        product: {
          ...product,
          name: textOr(product.name, undefined),
          vendor_name: textOr(product.vendor_name, undefined),
        },
      },
      finding_info: { ...info, uid, title: textOr(info.title, undefined) },
    };
    return {
      // A uid is unique within the product that gave it, and one lake sends the findings of many products.
      identity: [fields.text('metadata.product.vendor_name') ?? '', fields.text('metadata.product.name') ?? '', uid],
      finding: withoutUndefined(finding),
      attack: attackIds(
        ['finding_info.attacks', 'attacks'].flatMap((path) =>
          fields.everyText(
            `${path}.sub_technique.uid`,
            `${path}.technique.uid`,
            `${path}.tactic.uid`,
            `${path}.tactics.uid`,
          ),
        ),
      ),
    };
  },
};

function objectAt(parent: JsonObject, key: string, field: string): JsonObject {
  const value = Object.hasOwn(parent, key) ? parent[key] : undefined;
  if (isJsonObject(value)) return value;
  throw new DomainError('invalid_field', {
    field,
    reason: value === undefined ? 'is required.' : 'must be an object.',
  });
}

function textOr<Other>(value: unknown, other: Other): string | Other {
  return typeof value === 'string' ? value : other;
}

/** The contract's optional attributes are absent, never undefined: a message is JSON. */
function withoutUndefined(finding: DetectionFinding): DetectionFinding {
  return JSON.parse(JSON.stringify(finding));
}
