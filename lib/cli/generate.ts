// `nano-gpt generate`: text from a trained model, piece by piece as it comes.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { files } from '../checkpoint/checkpoint'
import { NanoGptError, show, suggest } from '../errors'
import { type GenerateOptions, resolveGenerateOptions } from '../generate/options'
import { type LoadOptions, load } from '../model/model'
import { command, dim, json, note, stream } from './output'

type Options = Omit<GenerateOptions, 'signal'> &
  Omit<LoadOptions, 'checkpoint'> & { model?: string; checkpoint?: string; json?: boolean }

export async function generateCommand(options: Options): Promise<void> {
  const { model: named, json: asJson, device, threads, instructionSet, checkpoint, ...generation } = options
  // A wrong option is said before a large file is read.
  resolveGenerateOptions(generation)
  const open = { device, threads, instructionSet, checkpoint: which(checkpoint) }
  const path = named ?? (await newestRun('runs'))
  const begun = performance.now()
  const model = await load(path, open)
  try {
    // Whoever named no model should see which one it was; not in the text, which may go to a file.
    if (!named && !asJson) note(dim(`${path}, after ${model.info.step} steps on ${model.info.data.name}`))
    const print = asJson ? async (text: string) => json({ type: 'text', text }) : stream
    const prompt = generation.prompt ?? ''
    let text = ''
    for await (const piece of promptFirst(prompt, model.stream(generation))) {
      text += piece
      await print(piece)
    }
    if (!asJson) return await stream('\n')
    const seconds = (performance.now() - begun) / 1000
    json({ type: 'result', model: path, step: model.info.step, device: model.device, prompt, text, seconds })
  } finally {
    await model.dispose()
  }
}

/** The prompt comes with the first piece: if the model can't read it, nothing has been printed. */
async function* promptFirst(
  prompt: string,
  pieces: AsyncIterable<string>,
): AsyncGenerator<string, void, void> {
  let first = true
  for await (const piece of pieces) {
    if (first && prompt !== '') yield prompt
    first = false
    yield piece
  }
}

function which(checkpoint: string | undefined): 'best' | 'last' | undefined {
  if (checkpoint === undefined || checkpoint === 'best' || checkpoint === 'last') return checkpoint
  const close = suggest(checkpoint, ['best', 'last'])
  const hint = close ? `; did you mean ${close}?` : ''
  throw new NanoGptError(
    'option',
    `generate: checkpoint is ${show(checkpoint)}: it must be best or last${hint}`,
  )
}

/** The run folder whose last checkpoint is the newest. */
async function newestRun(folder: string): Promise<string> {
  const names = await readdir(folder).catch(() => [] as string[])
  let newest: { path: string; time: number } | undefined
  for (const name of names) {
    const path = join(folder, name)
    const time = (await stat(join(path, files.last)).catch(() => undefined))?.mtimeMs
    if (time !== undefined && (!newest || time > newest.time)) newest = { path, time }
  }
  if (newest) return newest.path
  throw new NanoGptError(
    'file_not_found',
    `there is no trained model under ${folder}/: make one with "${command('train')}", or name one with --model`,
  )
}
