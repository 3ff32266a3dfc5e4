// `nano-gpt export`: writes a model for other programs, and prints how to use it there.

import { join } from 'node:path'
import { loadCheckpoint, type Model } from '../api/model'
import { readCheckpoint } from '../checkpoint/checkpoint'
import type { Exported } from '../checkpoint/export'
import { titles } from '../checkpoint/export/express'
import { checkOptions, exportFromOptions, requireOption } from '../options'
import type { Tokenizer } from '../tokenizer'
import { bold, dim, json, say, shellQuoted } from './output'
import { lineColumns } from './progress'
import { modelPath } from './which_model'
import { bytes, wrap } from './words'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly json?: boolean
}

export async function exportCommand({ json: asJson, ...flags }: Flags): Promise<void> {
  const checked = checkOptions('export', exportFromOptions, flags)
  const { model: given, checkpoint = 'best', blockSize = 'whole', base, out, ...options } = checked
  const folder = requireOption('export', 'out', out, 'give a folder to write to')
  const path = await modelPath(given)
  const read = await readCheckpoint(path, checkpoint, undefined, { blockSize, base })
  // Nothing is computed, so the weights need no device.
  await using model = await loadCheckpoint(read, { device: 'js' })
  const exported = await model.export(folder, options)
  if (asJson) return json({ type: 'result', model: read.path, ...exported })
  const { format, dtype, architecture, files, notes } = exported
  const size = files.reduce((sum, file) => sum + file.bytes, 0)
  say(`${read.path} → ${folder}: ${format}, ${titles[architecture]}, ${dtype}, ${bytes(size)}`)
  const width = Math.max(...files.map(({ name }) => name.length))
  for (const file of files) say(`  ${file.name.padEnd(width)}  ${dim(bytes(file.bytes))}`)
  for (const note of notes) say(wrap(`Note: ${note}.`, lineColumns()).join('\n'))
  say()
  for (const line of nextSteps(exported, model)) say(line)
}

/** What to do with the files. */
function nextSteps({ format, folder, files }: Exported, { tokenizer, config }: Model): string[] {
  const prompt = prompts.find((text) => isEncodable(tokenizer, text)) ?? tokenizer.decode([0])
  const most = Math.min(50, config.blockSize - tokenizer.encode(prompt).length)
  if (format === 'huggingface') {
    return [
      bold('In Python, with transformers:'),
      '  from transformers import pipeline',
      `  print(pipeline("text-generation", ${JSON.stringify(folder)})(${JSON.stringify(prompt)}, max_new_tokens=${most}))`,
    ]
  }
  if (format === 'peft') {
    return [
      bold('In Python, with PEFT:'),
      '  from peft import AutoPeftModelForCausalLM',
      `  model = AutoPeftModelForCausalLM.from_pretrained(${JSON.stringify(folder)})`,
    ]
  }
  const file = shellQuoted(join(folder, files[0].name))
  const modelfile = shellQuoted(join(folder, files[1].name))
  return [
    bold('With llama.cpp, or Ollama:'),
    `  llama-completion -m ${file} -no-cnv -p ${shellQuoted(prompt)} -n ${most}`,
    `  ollama create my-model -f ${modelfile} && ollama run my-model ${shellQuoted(prompt)}`,
  ]
}

/** Of these, the example has the first that the model can read. */
const prompts = ['Once upon a time', 'ROMEO:', 'the ', 'a']

function isEncodable(tokenizer: Tokenizer, text: string): boolean {
  try {
    return tokenizer.encode(text).length > 0
  } catch {
    return false
  }
}
