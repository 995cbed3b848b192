/** Names of processes, which tell later, on the same machine, whether the process that bears one is gone. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessName {
  readonly pid: number;
  /** In the kernel's ticks since its start; empty where there is no /proc. Process ids come again, this does not. */
  readonly started: string;
  /** Of process ids: a container has its own. */
  readonly namespace: string;
  readonly host: string;
}

/** The name of this process as a text without slashes: PID.STARTED.NAMESPACE@HOST. */
export function ownName(): string {
  return `${process.pid}.${startOf(process.pid) ?? ''}.${namespace}@${hostname()}`;
}

/** The process of a name; undefined where the text is none. */
export function processOf(name: string): ProcessName | undefined {
  const [, pid, started, namespace, host] = /^(\d+)\.(\d*)\.(\d*)@(.*)$/.exec(name) ?? [];
  return pid === undefined
    ? undefined
    : { pid: Number(pid), started: started!, namespace: namespace!, host: host! };
}

/** Whether a process is one of this machine and this container, so that it can be told whether it is gone. */
export const isNear = ({ host, namespace: theirs }: ProcessName): boolean =>
  host === hostname() && theirs === namespace;

/** Whether a process that is near is at work still. */
export function isAlive({ pid, started }: ProcessName): boolean {
  const now = startOf(pid);
  if (now !== undefined) return now === started;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // another user's
  }
}

/** When a process started; empty where it has ended and nobody has asked how, undefined where /proc does not say. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third on
    return fields[0] === 'Z' ? '' : fields[19];
  } catch {
    return undefined;
  }
}

const namespace = (() => {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))![0];
  } catch {
    return '';
  }
})();
