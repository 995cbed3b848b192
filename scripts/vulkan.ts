/**
 * Makes sure that the kernels have an adapter: where Dawn finds none on Linux, the Vulkan loader and Mesa's software
 * driver are installed by apt, or the commands that would do it are printed and the exit code is 1.
 */
import { spawnSync } from 'node:child_process';
import { type Diagnosis, diagnose } from '../apps/cli/src/doctor/diagnose.ts';
import { maySudo } from '../apps/cli/src/doctor/host.ts';
import {
  becomeRoot,
  driverAdvice,
  installCommands,
  nvidiaProblem,
  undoCommands,
} from '../apps/cli/src/doctor/remedy.ts';
import { part, say } from './say.ts';

/** Whether the kernels have an adapter in the end. */
async function prepare(): Promise<boolean> {
  const before = await diagnose();
  if (before.works) return tell(before);
  if (before.adapter || before.failed) return giveUp(`${before.problem}.`);
  const { host } = before;
  const advice = driverAdvice(host);
  if (advice) return giveUp(`${before.problem}. ${advice}`);
  const commands = installCommands(host, becomeRoot(host));
  const byHand = `As root:\n${commands.map((line) => `  ${line}`).join('\n')}\nThen run this again.`;
  if (host.packageManager !== 'apt') {
    return giveUp(`${before.problem}, and only apt's packages are installed for you. ${byHand}`);
  }
  if (!host.isRoot && !maySudo()) {
    return giveUp(`${before.problem}, and installing one takes root or password-less sudo. ${byHand}`);
  }
  say('Dawn finds no adapter');
  const what = 'installing the Vulkan loader and a software driver by apt';
  const as = `${host.isRoot ? '' : 'sudo -n '}env DEBIAN_FRONTEND=noninteractive `;
  const failure = part(what, 'about 40 MB, less than a minute', () => run(installCommands(host, as)));
  if (failure) {
    run(undoCommands(host, as));
    return giveUp(`apt failed:\n${failure}\nWhat it was to do. ${byHand}`);
  }
  const after = await diagnose();
  if (after.works) return tell(after);
  return giveUp([`installed, but ${after.problem}.`, ...after.driverMessages].join('\n'));
}

/** Runs commands in turn and returns what they printed if the last one failed. */
function run(commands: readonly string[]): string | undefined {
  let printed = '';
  let failed = false;
  for (const command of commands) {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    printed += `${stdout}${stderr}`;
    // `apt-get update` also fails for sources that nothing here needs: what counts is the install, the last.
    failed = status !== 0;
  }
  return failed ? printed.trim().split('\n').slice(-30).join('\n') : undefined;
}

function tell(diagnosis: Diagnosis): true {
  const problem = nvidiaProblem(diagnosis);
  if (problem) say(problem);
  return true;
}

function giveUp(why: string): false {
  say(why);
  return false;
}

process.exitCode = (await prepare()) ? 0 : 1;
