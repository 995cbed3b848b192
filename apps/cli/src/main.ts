/** The program as a process. */
import { enableCompileCache } from 'node:module';

// Code without its types is kept from run to run: a command loads in half the time.
enableCompileCache();
// Loaded from here on, so that it is kept too.
const { run } = await import('./program.ts');

// pnpm runs scripts in the repository's folder; paths are meant from where the user stands.
if (process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
process.exitCode = await run(process.argv.slice(2));
