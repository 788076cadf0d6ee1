// Logs by the OpenTelemetry SDK, as a program of anybody would: node export-logs.cjs URL TOKEN json|protobuf none|gzip
const { SeverityNumber } = require('@opentelemetry/api-logs');
const { OTLPLogExporter: JsonExporter } = require('@opentelemetry/exporter-logs-otlp-http');
const { OTLPLogExporter: ProtobufExporter } = require('@opentelemetry/exporter-logs-otlp-proto');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BatchLogRecordProcessor, LoggerProvider } = require('@opentelemetry/sdk-logs');

const [url, token, encoding, compression] = process.argv.slice(2);
const Exporter = encoding === 'json' ? JsonExporter : ProtobufExporter;
const exporter = new Exporter({
  url: `${url}/v1/logs`,
  headers: { authorization: `Bearer ${token}` },
  compression,
  timeoutMillis: 20_000,
});

/** Says what became of each batch, which the SDK keeps to itself. */
const telling = {
  export: (records, done) =>
    exporter.export(records, (result) => {
      process.stdout.write(`${JSON.stringify({ code: result.code, error: result.error?.message })}\n`);
      done(result);
    }),
  forceFlush: () => exporter.forceFlush(),
  shutdown: () => exporter.shutdown(),
};

async function main() {
  const provider = new LoggerProvider({
    resource: resourceFromAttributes({ 'service.name': 'vpn', 'host.name': 'vpn-gw-01' }),
    processors: [new BatchLogRecordProcessor({ exporter: telling })],
  });
  const logger = provider.getLogger('auth', '1.2.3');
  const timestamp = new Date('2026-11-24T14:00:00Z');
  const notable = { event_id: 'n-1', search_name: 'Guessing', urgency: 'critical', tries: 3, span: [1.5, true, null] };
  logger.emit({
    timestamp,
    severityNumber: SeverityNumber.ERROR,
    body: 'Password guessing against the VPN\nagain',
    attributes: {
      'source.address': '203.0.113.66',
      'source.port': 4711,
      'user.name': 'j.doe',
      'log.record.uid': 'r-1',
    },
  });
  logger.emit({ timestamp, severityNumber: SeverityNumber.WARN, body: notable });
  logger.emit({ timestamp, body: JSON.stringify(notable) });
  logger.emit({ timestamp, eventName: 'device.lost', severityText: 'FATAL', attributes: { 'host.name': 'phone' } });
  await provider.forceFlush();
  await provider.shutdown();
}

void main();
