/**
 * Makes sure that the evaluator's pages can be tested in a real browser: where there is no Chromium it is installed by
 * apt. Where that cannot be done it says how to get one, and the tests that need it are skipped.
 */
import { spawnSync } from 'node:child_process';
import { inspectHost, maySudo } from '../apps/cli/src/doctor/host.ts';
import { CHROMIUM_ADVICE, findChromium } from '../apps/evaluator/test/chromium.ts';
import { part, say } from './say.ts';

function prepare(): void {
  if (findChromium()) return;
  const { packageManager, isRoot } = inspectHost();
  if (packageManager !== 'apt' || !(isRoot || maySudo())) {
    say(CHROMIUM_ADVICE);
    return;
  }
  const as = `${isRoot ? '' : 'sudo -n '}env DEBIAN_FRONTEND=noninteractive`;
  const install = `${as} apt-get install --yes --no-install-recommends --no-remove -o DPkg::Lock::Timeout=120 chromium fonts-dejavu-core`;
  // An update also fails for sources that nothing here needs: what counts is the install.
  const what = 'installing Chromium by apt, for the tests of the pages';
  const { status, stdout, stderr } = part(what, 'about 150 MB, a minute', () =>
    spawnSync('sh', ['-c', `${as} apt-get update; ${install}`], { encoding: 'utf8' }),
  );
  if (status !== 0) say(`apt failed:\n${`${stdout}${stderr}`.trim().split('\n').slice(-10).join('\n')}`);
  if (!findChromium()) say(CHROMIUM_ADVICE);
}

prepare();
