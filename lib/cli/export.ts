// `nano-gpt export`: writes a model for other programs, and prints how to use it there.

import { join } from 'node:path'
import { loadCheckpoint } from '../api/model'
import { readCheckpoint } from '../checkpoint/checkpoint'
import type { Exported } from '../checkpoint/export'
import { titles } from '../checkpoint/export/express'
import { checkOptions, exportFromOptions, requireOption } from '../options'
import { bold, dim, json, say, shellQuoted } from './output'
import { runsFolder } from './run_folders'
import { newestRun } from './which_model'
import { wrap } from './words'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly json?: boolean
}

export async function exportCommand({ json: asJson, ...flags }: Flags): Promise<void> {
  const checked = checkOptions('export', exportFromOptions, flags)
  const { model: given, checkpoint = 'best', blockSize = 'whole', base, out, ...options } = checked
  const folder = requireOption('export', 'out', out, 'give a folder to write to')
  const path = given ?? (await newestRun(runsFolder))
  const read = await readCheckpoint(path, checkpoint, undefined, { blockSize, base })
  // Nothing is computed, so the weights need no device.
  await using model = await loadCheckpoint(read, { device: 'js' })
  const exported = await model.export(folder, options)
  if (asJson) return json({ type: 'result', model: read.path, ...exported })
  const { format, dtype, architecture, files, notes } = exported
  const size = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const title = titles[architecture as keyof typeof titles]
  say(`${read.path} → ${folder}: ${format}, ${title}, ${dtype}, ${megabytes(size)}`)
  for (const { name, bytes } of files) say(`  ${name.padEnd(22)} ${dim(megabytes(bytes))}`)
  for (const note of notes) say(wrap(`Note: ${note}.`, 100).join('\n'))
  say()
  for (const line of nextSteps(exported)) say(line)
}

/** What to do with the files. */
function nextSteps({ format, folder, files }: Exported): string[] {
  if (format === 'huggingface') {
    const quoted = JSON.stringify(folder)
    return [
      bold('In Python, with transformers:'),
      '  from transformers import pipeline',
      `  print(pipeline("text-generation", ${quoted})("Once upon a time", max_new_tokens=50))`,
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
  const modelfile = shellQuoted(join(folder, 'Modelfile'))
  return [
    bold('With llama.cpp, or Ollama:'),
    `  llama-completion -m ${file} -no-cnv -p "Once upon a time" -n 50`,
    `  ollama create my-model -f ${modelfile} && ollama run my-model "Once upon a time"`,
  ]
}

function megabytes(bytes: number): string {
  return bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}
