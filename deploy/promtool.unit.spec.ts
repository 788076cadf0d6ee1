import { spawnSync } from 'node:child_process';
import { reportNotRun } from '#libs/testing';

const isInstalled = spawnSync('promtool', ['--version']).status === 0;
if (!isInstalled) {
  const reason = 'No promtool: apt install prometheus.';
  reportNotRun({ need: 'promtool', variable: 'REQUIRE_PROMTOOL', reason });
}

(isInstalled ? describe : describe.skip)('promtool', () => {
  it.each([
    ['check rules', ['check', 'rules', 'prometheus/rules.yaml']],
    ['test rules', ['test', 'rules', 'prometheus/rules.test.yaml']],
    ['check config', ['check', 'config', 'prometheus/scrape.yaml']],
  ])('is content: %s', (_, args) => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: __dirname, encoding: 'utf8' });
    expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' });
  });
});
