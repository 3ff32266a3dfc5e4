// The commands of nano-gpt and their help. Each command's code is in a file of its own, which is
// loaded only when the command runs, so that `--help` and usage errors respond at once.

import { Option } from 'commander'
import { benchmarkHelp } from '../bench/kinds'
import { benchmarkNames } from '../options'
import { version } from '../version'
import { addFlags, type FlagOptions } from './flags'
import { CliCommand, unknownCommand } from './grammar'
import { bold } from './output'
import { flagOf, infoFlags, type TableName } from './tables'

/** Runs the command that the arguments name. */
export async function run(args: readonly string[]): Promise<void> {
  const program = createProgram()
  const command = program.commands.find((each) => each.name() === args[0])
  if (command instanceof CliCommand) command.refuseMissingValues(args.slice(1))
  await program.parseAsync([...args], { from: 'user' })
}

export function createProgram(): CliCommand {
  const program = new CliCommand('nano-gpt')
  program
    .description('Trains a GPT on your own machine and generates text with it.')
    .usage('<command> [options]')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help, or the help of a command')
    // Errors are thrown here and printed by report() in errors.ts.
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .configureHelp({ styleTitle: bold, showGlobalOptions: false, minWidthToWrap: 30 })
    .addHelpText('after', overview)
    .hook('preAction', (_, action) => (action as CliCommand).refuseExcess())
    .on('command:*', ([name]: string[]) => {
      throw unknownCommand(program, name)
    })
  addTrain(program)
  addSweep(program)
  addGenerate(program)
  addEvaluate(program)
  addTokenize(program)
  addInspect(program)
  addRuns(program)
  addCompare(program)
  addReport(program)
  addExport(program)
  addStages(program)
  addBench(program)
  addInfo(program)
  addBuild(program)
  addDemo(program)
  addStudio(program)
  addHelp(program)
  return program
}

/** Adds a command with the flags of its table. */
function addCommand(
  program: CliCommand,
  name: TableName,
  summary: string,
  options: FlagOptions = {},
): CliCommand {
  const command = program.command(name).summary(summary).allowExcessArguments() as CliCommand
  addFlags(command, name, options)
  return command
}

function addTrain(program: CliCommand): void {
  const train = addCommand(program, 'train', 'train a model on a text')
    .description(
      'Trains a model on a text and saves checkpoints. Ctrl-C saves the run and prints how to resume it.',
    )
    .addHelpText('after', trainExamples)
    .action(async (options) => (await import('./train.js')).trainCommand(options))
  finish(train, 'print one JSON object per line: every event, then the result')
}

function addSweep(program: CliCommand): void {
  const sweep = addCommand(program, 'sweep', 'train a grid of runs and compare them')
    .description(
      'Trains every combination of values that are separated by commas, and compares the losses with the ' +
        'noise between seeds. The same command continues a sweep that was stopped, or extends it with more values.',
    )
    .addHelpText('after', sweepExamples)
    .action(async (options) => (await import('./sweep.js')).sweepCommand(options))
  finish(sweep, 'print one JSON object per line: every event, then the result')
}

function addGenerate(program: CliCommand): void {
  const generate = addCommand(program, 'generate', 'generate text with a trained model', {
    headings: { data: 'Model' },
  })
    .description(
      'Generates text with a trained model and prints it as it is generated. In a terminal, without a prompt, ' +
        'opens a playground.',
    )
    .addHelpText('after', generateExamples)
    .action(async (options) => (await import('./generate.js')).generateCommand(options))
  finish(generate, 'print one JSON object per line: pieces of text, then the result')
}

function addEvaluate(program: CliCommand): void {
  const evaluate = addCommand(program, 'evaluate', 'compute the exact loss of a trained model', {
    headings: { data: 'Model and text' },
  })
    .description(
      'Computes the loss of a trained model over the whole validation split. Repeated runs give the same result.',
    )
    .action(async (options) => (await import('./evaluate.js')).evaluateCommand(options))
  finish(evaluate, 'print the result as one JSON object')
}

function addTokenize(program: CliCommand): void {
  const tokenize = addCommand(program, 'tokenize', 'show how a text is divided into tokens', {
    headings: { data: 'Tokenizer' },
  })
    .description(
      "Shows the tokens of a text: a model's, or those of a new tokenizer. The text is standard input if none is given.",
    )
    .argument('[text...]', 'text to divide into tokens')
    .addHelpText('after', tokenizeExamples)
    .action(async (text, options) => (await import('./tokenize.js')).tokenizeCommand(text, options))
  finish(tokenize, 'print the result as one JSON object, with every token')
}

function addInspect(program: CliCommand): void {
  const inspect = addCommand(program, 'inspect', 'show how surprising tokens are, and their attention', {
    headings: { data: 'Model', inspection: 'What to inspect' },
  })
    .description(
      'Shows how surprising each token of a text is to a trained model, and which tokens it attends to. ' +
        'The text is standard input if none is given.',
    )
    .addHelpText('after', inspectExamples)
    .action(async (options) => (await import('./inspect.js')).inspectCommand(options))
  finish(inspect, 'print the result as one JSON object, with all attention weights')
}

function addRuns(program: CliCommand): void {
  const runs = addCommand(program, 'runs', 'list runs, or follow one from another terminal', {
    headings: { progress: 'Output' },
  })
    .description('Lists the runs below a folder: their state, loss curve, losses, sizes and dates.')
    .argument('[folder]', 'folder with runs, or a run (default: runs)')
    .addHelpText('after', runsExamples)
    .action(async (folder, options) => (await import('./runs.js')).runsCommand(folder, options))
  finish(runs, 'print one JSON object per run')
}

function addCompare(program: CliCommand): void {
  const compare = addCommand(program, 'compare', 'compare the options and losses of runs', {
    headings: { progress: 'Output' },
  })
    .description('Shows in which options runs differ, and their losses at equal steps and equal times.')
    .argument('[run...]', 'run folders, sweeps, or names of runs in runs/')
    .action(async (folders, options) => (await import('./compare.js')).compareCommand(folders, options))
  finish(compare, 'print the comparison as one JSON object')
}

function addReport(program: CliCommand): void {
  const report = addCommand(program, 'report', 'write an HTML page about one or several runs')
    .description(
      'Writes an HTML page about a run, or a comparison of several runs. It needs no other file and no network.',
    )
    .argument('[run...]', 'run folders, sweeps, or names of runs in runs/ (default: the newest run there)')
    .addHelpText('after', reportExamples)
    .action(async (runs, options) => (await import('./make_report.js')).reportCommand(runs, options))
  finish(report, 'print the result as one JSON object')
}

function addExport(program: CliCommand): void {
  const command = addCommand(program, 'export', 'write a model for transformers, llama.cpp or Ollama', {
    headings: { data: 'Model' },
  })
    .description("Writes a trained model in another program's format, and prints how to use it there.")
    .addHelpText('after', exportExamples)
    .action(async (options) => (await import('./export.js')).exportCommand(options))
  finish(command, 'print the result as one JSON object')
}

function addStages(program: CliCommand): void {
  const stages = addCommand(program, 'stages', 'the course: build a GPT in ten stages')
    .description(
      'Lists the ten stages of the course, or runs one. Each is a short file in lib/stages/ that adds one idea.',
    )
    .argument('[stage]', 'number or name of the stage, such as 03 or single-head (default: list them)')
    .addHelpText('after', stagesExamples)
    .action(async (stage, options) => (await import('./stages.js')).stagesCommand(stage, options))
  finish(stages, 'print one JSON object per line; the last has stage, parameters, losses and seconds')
}

function addBench(program: CliCommand): void {
  const help = benchmarkNames.map((kind) => `${kind}: ${benchmarkHelp[kind]}`).join('; ')
  const bench = addCommand(program, 'bench', 'measure the speed of this machine')
    .description('Measures the speed of this machine and prints the median of several rounds.')
    .argument('[kind]', `${help} (default: ${benchmarkNames[0]})`)
    .addHelpText('after', benchExamples)
    .action(async (kind, options) => (await import('./bench.js')).benchCommand(kind, options))
  finish(bench, 'print one JSON object per line, with kind, name and ms')
}

function addInfo(program: CliCommand): void {
  const info = program
    .command('info')
    .summary('show devices, threads and versions')
    .description(
      'Prints versions, threads, the cache folder and each device, with the reason if it is not available.',
    )
    .allowExcessArguments()
    .addOption(new Option(flagOf('report'), infoFlags.report.help).helpGroup('Other:'))
    .action(async (options) => (await import('./info.js')).infoCommand(options))
  finish(info as CliCommand, 'print the information as one JSON object')
}

function addBuild(program: CliCommand): void {
  const build = program
    .command('build')
    .summary('compile the native engine on this machine')
    .description(
      'Compiles the native engine, where no prebuilt binary fits and `npm install` compiled none. Requires CMake ' +
        '3.20 and a C++20 compiler. docs/install.md lists the environment variables.',
    )
    .allowExcessArguments()
    .action(async (options) => (await import('./build.js')).buildCommand(options))
  finish(build as CliCommand, 'print the result as one JSON object')
}

function addDemo(program: CliCommand): void {
  const demo = addCommand(program, 'demo', 'train a small model on real text in a few minutes')
    .description('Trains a small model on Shakespeare or Moby Dick for about two minutes and shows samples.')
    .action(async (options) => (await import('./demo.js')).demoCommand(options))
  finish(demo, 'print one JSON object per line: every event, then the result')
}

function addStudio(program: CliCommand): void {
  const studio = addCommand(program, 'studio', 'train and explore models on a page in the browser')
    .description(
      'Serves a page on this machine, on which you train a model on your own text and watch it. Ctrl-C ends it.',
    )
    .action(async (options) => (await import('./studio.js')).studioCommand(options))
  finish(studio, 'print the address of the page as one JSON object')
}

/** Replaces commander's help command, which reports no error for an unknown command. */
function addHelp(program: CliCommand): void {
  program
    .helpCommand(false)
    .command('help')
    .summary('print the help of a command')
    .argument('[command]')
    .allowExcessArguments()
    .action((name?: string) => {
      const found = name === undefined ? program : program.commands.find((command) => command.name() === name)
      if (!found) throw unknownCommand(program, name!)
      found.outputHelp()
    })
}

function finish(command: CliCommand, json: string): void {
  command.addOption(new Option('--json', json).helpGroup('Other:'))
  command.addHelpOption(new Option('-h, --help', 'print this help').helpGroup('Other:'))
}

const overview = `
Examples:
  nano-gpt train                            train a small model on Shakespeare
  nano-gpt train --data my.txt              train on a text of your own
  nano-gpt sweep --learning-rate 1e-3,3e-3  train and compare several runs
  nano-gpt generate --prompt "ROMEO:"       generate text with the newest model
  nano-gpt stages                           list the stages of the course
  nano-gpt studio --open                    train and explore models in the browser
  nano-gpt train --help                     list every option of a command

All commands take --json.
Exit codes: 0 success, 1 error, 2 usage error, 130 interrupted.
`

const trainExamples = `
A preset may override the defaults above. --dry-run prints the values of a run.

Examples:
  nano-gpt train --sample-interval 500
      print a sample of text every 500 steps
  nano-gpt train --data my.txt --out runs/mine
      train on a text of your own
  zcat my.txt.gz | nano-gpt train --data -
      train on standard input
  nano-gpt train --preset bigram --steps 500
      train the smallest model, in seconds
  nano-gpt train --resume runs/mine --steps 5000
      continue a run up to step 5000
  nano-gpt train --from runs/mine --data other.txt
      start a new run from the weights of another
  nano-gpt train --config runs/mine --seed 7
      repeat a run with another seed
`

const sweepExamples = `
The folder of the sweep has a run folder for each run, and results.csv.
docs/sweeps.md explains the table.

Examples:
  nano-gpt sweep --learning-rate 1e-3,3e-3 --seed 1,2,3 --steps 200
      train 6 runs, with 3 seeds for each learning rate
  nano-gpt sweep --norm layer,rms --qk-norm true,false --steps 200
      train all 4 combinations
  nano-gpt sweep --learning-rate 1e-3,3e-3 --seed 1,2,3 --steps 200 --dry-run
      print the runs, and the time and memory they need
`

const tokenizeExamples = `
Examples:
  nano-gpt tokenize "To be, or not to be"
      use the tokenizer of the newest model in runs/
  nano-gpt tokenize --tokenizer byte "é 😀"
  nano-gpt tokenize --tokenizer bpe --vocab-size 1000 --data my.txt "Hello"
      learn a tokenizer from a text
  nano-gpt tokenize --model runs/mine --json < my.txt
      print every token of a file
`

const inspectExamples = `
Losses are in nats: 0 is certain. docs/inspection.md explains the table.

Examples:
  nano-gpt inspect --text "To be, or not to be"
      use the newest model in runs/
  nano-gpt inspect --model runs/mine --text "To be" --layer 0 --head 2
      show the attention of one head
  nano-gpt inspect --text "To be" --without 0.2,1.0
      switch off head 2 of layer 0 and head 0 of layer 1
  head -c 200 my.txt | nano-gpt inspect
      use standard input
`

const runsExamples = `
Examples:
  nano-gpt runs
      list the runs in runs/, the newest first
  nano-gpt runs runs/mine --watch
      follow a run from another terminal until it ends
`

const reportExamples = `
Examples:
  nano-gpt report
      write runs/<run>/report.html for the newest run
  nano-gpt report runs/a runs/b --out compared.html
      compare two runs
  nano-gpt report runs/mine --no-timings
      measure nothing
`

const exportExamples = `
docs/models.md lists what can be exported.

Examples:
  nano-gpt export --out shakespeare
      write the newest model in runs/ for transformers
  nano-gpt export --model runs/mine --out mine --format gguf --dtype q8_0
      write a file for llama.cpp, Ollama and LM Studio, a quarter of the size
`

const stagesExamples = `
Examples:
  nano-gpt stages                           list the stages
  nano-gpt stages 00                        run the first one
  nano-gpt stages 08 --seed 7               run a stage with another seed
  nano-gpt stages 09 --steps 500            train the full model for 500 steps
`

const benchExamples = `
--only takes stage numbers or presets for training steps, and for ops the names
that \`nano-gpt bench ops\` prints. A prefix such as "gemm" selects every op that
starts with it.

Examples:
  nano-gpt bench
      measure a training step of stages 01 to 09, cpu and baby
  nano-gpt bench --only 01,03,cpu
      measure these three
  nano-gpt bench --only 09 --compare torch --python venv/bin/python
      compare with PyTorch
  nano-gpt bench roofline --only cpu
      show where the time of a step goes
  nano-gpt bench roofline --paper m2
      compute the times of an Apple M2 from its published peak
  nano-gpt bench ops --only gemm,attention
      measure single ops, at the sizes of stage 09
  nano-gpt bench generate
      measure generated tokens per second
  nano-gpt bench --save before.json
      save the results
  nano-gpt bench --baseline before.json
      compare with saved results
`

const generateExamples = `
Examples:
  nano-gpt generate
      continue texts as you type them, with the newest model in runs/
  nano-gpt generate --prompt "ROMEO:" --temperature 0.8 --top-k 40
  nano-gpt generate --model runs/mine --max-tokens 2000 > story.txt
  nano-gpt generate --prompt "ROMEO:" --prompt "JULIET:" --n 4
  nano-gpt generate --max-tokens 5000 --window roll --top-p 0.95
  nano-gpt generate --prompt "ROMEO:" --without 0.3,2.1
      switch off head 3 of layer 0 and head 1 of layer 2
`
