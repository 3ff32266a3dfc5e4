// The commands of nano-gpt and their help. What a command does is in a file of its own, loaded when it is called: `--help` and
// mistakes are answered at once.

import { Command, Option } from 'commander'
import { version } from '../version'
import {
  addBenchFlags,
  addEvaluateFlags,
  addGenerateFlags,
  addStageFlags,
  addTrainFlags,
  real,
} from './flags'
import { bold } from './output'

export function createProgram(): Command {
  const program = new Command('nano-gpt')
    .description('Train a GPT on a text, on your own machine, and let it write.')
    .usage('<command> [options]')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help; after a command, the help of that command')
    // Errors are thrown, and printed in one place.
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .configureHelp({ styleTitle: bold, showGlobalOptions: false })
    .addHelpText('after', overview)
  addTrain(program)
  addGenerate(program)
  addEvaluate(program)
  addStages(program)
  addBench(program)
  addInfo(program)
  addDemo(program)
  addHelp(program)
  return program
}

function addTrain(program: Command): void {
  const train = program
    .command('train')
    .summary('train a model on a text')
    .description(
      'Trains a model on a text and keeps checkpoints of it. Ctrl-C saves it and says how to go on.',
    )
    .addHelpText('after', trainExamples)
    .action(async (options) => (await import('./train.js')).trainCommand(options))
  addTrainFlags(train)
  finish(train, 'print one JSON object a line: every event, then the result')
}

function addGenerate(program: Command): void {
  const generate = program
    .command('generate')
    .summary('let a trained model write')
    .description('Writes text with a trained model, as it comes.')
    .addHelpText('after', generateExamples)
    .action(async (options) => (await import('./generate.js')).generateCommand(options))
  addGenerateFlags(generate)
  finish(generate, 'print one JSON object a line: pieces of text, then the whole')
}

function addEvaluate(program: Command): void {
  const evaluate = program
    .command('evaluate')
    .summary('the exact loss of a trained model')
    .description(
      'Prints the loss of a trained model over the whole validation split of its text, without overlap: the same number each time.',
    )
    .action(async (options) => (await import('./evaluate.js')).evaluateCommand(options))
  addEvaluateFlags(evaluate)
  finish(evaluate, 'print it as one JSON object')
}

function addStages(program: Command): void {
  const stages = program
    .command('stages')
    .summary('the course: a GPT grown from a table in ten stages')
    .description(
      'Lists the ten stages of the course, or runs one. Each is a short file in lib/stages/ that adds one idea; read them in order.',
    )
    .argument('[stage]', 'the number or name of the stage to run: 03, or single-head; none: list them')
    .addHelpText('after', stagesExamples)
    .action(async (stage, options) => (await import('./stages.js')).stagesCommand(stage, options))
  addStageFlags(stages)
  finish(
    stages,
    'print one JSON object a line; the last one holds stage, parameters, trainLoss, valLoss, seconds',
  )
}

function addBench(program: Command): void {
  const bench = program
    .command('bench')
    .summary('measure how fast it is here, beside PyTorch if you like')
    .description('Measures speed, in rounds of which the median counts.')
    .argument(
      '[kind]',
      'steps: training steps; ops: single ops; generate: writing; roofline: a step, op by op, beside the peak of this machine (default: steps)',
    )
    .addHelpText('after', benchExamples)
    .action(async (kind, options) => (await import('./bench.js')).benchCommand(kind, options))
  addBenchFlags(bench)
  finish(bench, 'print one JSON object a line, with kind, name and ms')
}

function addInfo(program: Command): void {
  const info = program
    .command('info')
    .summary('what this machine offers: devices, threads, versions')
    .description(
      'Prints versions, devices (and why one is not available), threads, and where things are kept.',
    )
    .action(async (options) => (await import('./info.js')).infoCommand(options))
  finish(info, 'print it as one JSON object')
}

function addDemo(program: Command): void {
  const demo = program
    .command('demo')
    .summary('train a small model on real text, in a few minutes')
    .description(
      'Trains a small model on Shakespeare (or Moby Dick) for about two minutes, with samples of what it writes.',
    )
    .option('--data <name|file>', 'another text (default: shakespeare, else moby-dick)')
    .option('--seconds <n>', 'how long to train, about (default: 120)', real)
    .option('--out <dir>', 'folder for checkpoints (default: runs/demo; a former demo in it is replaced)')
    .option('--device <name>', 'auto, cuda, cpu or js (default: auto)')
    .action(async (options) => (await import('./demo.js')).demoCommand(options))
  finish(demo, 'print one JSON object a line: every event, then the result')
}

/** Commander's own has no word for a command that there isn't. */
function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .summary('print the help of a command')
    .argument('[command]')
    .action(async (name?: string) => {
      const found = name === undefined ? program : program.commands.find((command) => command.name() === name)
      if (found) found.outputHelp()
      // Is refused as the unknown command that it is.
      else await program.parseAsync([name!], { from: 'user' })
    })
}

function finish(command: Command, json: string): void {
  command.addOption(new Option('--json', json).helpGroup('Other:'))
  command.addHelpOption(new Option('-h, --help', 'print this help').helpGroup('Other:'))
}

const overview = `
Examples:
  nano-gpt train                            train a small model on Shakespeare: minutes on a laptop
  nano-gpt train --data my.txt              on a text of your own
  nano-gpt generate --prompt "ROMEO:"       let the newest model write
  nano-gpt stages                           the course, from a table of pairs to a GPT
  nano-gpt train --help                     every option of a command

All commands take --json. Exit codes: 0 done, 1 error, 2 not understood, 130 interrupted.
`

const trainExamples = `
Options that are not given take their values from the preset.

Examples:
  nano-gpt train --sample-interval 500                  see what it writes every 500 steps
  nano-gpt train --data my.txt --out runs/mine          on a text of your own
  nano-gpt train --preset bigram --steps 500            the smallest model there is: seconds
  nano-gpt train --resume runs/mine --steps 5000        go on with it
  nano-gpt train --from runs/mine --data other.txt      train it further, on another text, as a new run
  nano-gpt train --config runs/mine --seed 7            the same again, but for the seed
`

const stagesExamples = `
Examples:
  nano-gpt stages                           what there is
  nano-gpt stages 00                        where to begin
  nano-gpt stages 08 --seed 7               with other random numbers
  nano-gpt stages 09 --steps 500            not the whole of the large one
`

const benchExamples = `
Steps are called by the number of their stage or by their preset, ops and generate as the table calls them; "gemm" is all that
begin so.

Examples:
  nano-gpt bench                                        a training step of every stage and preset
  nano-gpt bench --only 01,03,cpu                       of these
  nano-gpt bench --only 09 --batch-size 8 --compare torch --python venv/bin/python
  nano-gpt bench roofline --only cpu                    where the time of a step goes, and what would be possible
  nano-gpt bench roofline --paper m2                    what it would take at the published peak of Apple's M2
  nano-gpt bench ops --only gemm,attention              single ops, at the sizes of stage 09
  nano-gpt bench generate                               tokens a second
  nano-gpt bench --save before.json                     … change something …
  nano-gpt bench --baseline before.json                 what has become faster, and what slower
`

const generateExamples = `
Examples:
  nano-gpt generate                                     with the newest model under runs/
  nano-gpt generate --prompt "ROMEO:" --temperature 0.8 --top-k 40
  nano-gpt generate --model runs/mine --checkpoint last --max-tokens 2000 > story.txt
  nano-gpt generate --prompt "ROMEO:" --prompt "JULIET:" --n 4 --stop "\n\n"
  nano-gpt generate --max-tokens 5000 --window roll --top-p 0.95
`
