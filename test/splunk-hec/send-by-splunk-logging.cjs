// Logs by the npm client splunk-logging, as an application would: URL TOKEN. A line of JSON for each answer.
const { Logger } = require('splunk-logging');

const [, , url, token] = process.argv;

function send(config, payloads) {
  const logger = new Logger({ url, maxBatchCount: payloads.length, ...config });
  logger.error = (error) => process.stdout.write(`${JSON.stringify({ error: error.code ?? error.message })}\n`);
  return new Promise((resolve) => {
    payloads.forEach((payload, index) => {
      const isLast = index === payloads.length - 1;
      logger.send(payload, (_, response, body) => {
        if (!isLast) return;
        process.stdout.write(`${JSON.stringify({ status: response?.statusCode, body })}\n`);
        resolve();
      });
    });
  });
}

async function run() {
  const metadata = { source: 'app.log', sourcetype: 'httpevent', host: 'app-02', time: 1795528800 };
  await send({ token }, [{ message: 'A message as it is', severity: 'warning', metadata }]);
  await send({ token }, [
    { message: 'One of three', metadata },
    { message: { text: 'an object' }, metadata },
    { message: 'Three of three', severity: 'critical', metadata },
  ]);
  await send({ token: 'wrong' }, [{ message: 'refused', metadata }]);
}

void run();
