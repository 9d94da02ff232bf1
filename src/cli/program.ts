/** The commands, their arguments and their help. */
import { Command, CommanderError } from 'commander';
import type { GatewayAddress } from './api.js';
import { type ExportOptions, exportFile } from './export.js';
import { EXIT, Failure } from './failure.js';
import { type Output, outputFor } from './output.js';
import { type SubmitOptions, submit } from './submit.js';
import { watch } from './watch.js';

const EXIT_CODES = `
Environment:
  VERIGATE_URL    the gateway (default: http://127.0.0.1:3000)
  VERIGATE_TOKEN  the token, where the gateway wants one

Exit codes: 0 done · 1 refused, or the file failed · 64 wrong usage · 66 the list cannot be read · 69 the gateway is away
or busy · 73 the results cannot be written · 77 the token does not allow it · 130 interrupted`;

type Action = (gateway: GatewayAddress, output: Output) => Promise<number>;

/** @returns the exit code; undefined: the gateway runs, and ends the process itself */
export async function runCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number | undefined> {
  let code: number | undefined = EXIT.ok;
  const act = async ({ json = false }: { json?: boolean }, action: Action) => {
    code = await withOutput(outputFor(json), env, action);
  };
  const program = new Command('verigate')
    .description('Validate lists of email addresses, live.')
    .addHelpText('after', EXIT_CODES)
    .showHelpAfterError('Try --help.')
    .enablePositionalOptions()
    .exitOverride();

  program
    .command('submit <list>')
    .description('upload a list (CSV, text, .xlsx) and submit it to the validator')
    .option('--file-id <id>', "the file's id (default: the list's name and six random digits)")
    .option('--column <column>', 'the column with the addresses: its name, or its number from 0')
    .option('--repeats <drop|keep>', 'whether an address that comes again is checked again (default: drop)')
    .option('--replace', 'replace the results that the file has')
    .option('--watch', 'follow it to its end')
    .option('--json', 'print JSON lines')
    .action((list: string, options: SubmitOptions & { json?: boolean }) =>
      act(options, (gateway, output) => submit(gateway, list, options, output)),
    );
  program
    .command('watch <file-id>')
    .description('follow a file to its end')
    .option('--json', 'print JSON lines')
    .action((fileId: string, options: { json?: boolean }) =>
      act(options, (gateway, output) => watch(gateway, fileId, output)),
    );
  program
    .command('export <file-id>')
    .description("download a file's results")
    .option('-o, --output <path>', 'write to this file instead of stdout')
    .option('--format <csv|ndjson|xlsx>')
    .option('--layout <results|original>', 'original: the uploaded list with its verdicts')
    .option('--bom', 'begin with a byte order mark, for Excel')
    .option('--escape <formulas|none>', 'none: for programs')
    .option('--status <list>', 'only these: deliverable, undeliverable, risky, unknown; separated by commas')
    .option('--risk <list>', 'only these: none, low, medium, high')
    .option('--reason <list>', 'only these: invalid_domain, …')
    .option('--email <start>', 'only addresses or domains that start so')
    .option('--json', 'print errors as JSON')
    .action((fileId: string, { json, ...options }: ExportOptions & { json?: boolean }) =>
      act({ ...(json && { json }) }, (gateway, output) => exportFile(gateway, fileId, options, output)),
    );
  program
    .command('token')
    .description('sign a token with JWT_SECRET, for trying things out')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[options...]', '--sub NAME [--files ID,ID…] [--scope "read ingest admin"] [--ttl 1h]')
    .action(async (options: string[]) => {
      code = await (await import('../token.js')).printToken(options);
    });
  program
    .command('serve', { isDefault: true })
    .description('run the gateway with its page (the default); environment variables configure it')
    .action(async () => {
      code = undefined;
      await import('../main.js');
    });

  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    throw error;
  }
}

async function withOutput(output: Output, env: NodeJS.ProcessEnv, action: Action): Promise<number> {
  try {
    return await action(gatewayIn(env), output);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    output.endProgress();
    output.error(error.code, error.message);
    return error.exitCode;
  }
}

function gatewayIn({ VERIGATE_URL, VERIGATE_TOKEN }: NodeJS.ProcessEnv): GatewayAddress {
  const url = VERIGATE_URL || 'http://127.0.0.1:3000';
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new Failure('usage', 'VERIGATE_URL: must be an http or https URL', EXIT.usage);
  return { url, token: VERIGATE_TOKEN || undefined };
}
