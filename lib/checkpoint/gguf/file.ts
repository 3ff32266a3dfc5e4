// The file of a GGUF export. nano-gpt writes it, and reads none.

import { NanoGptError } from '../../errors'

export const ggufFile = 'model.gguf'

/** @throws NanoGptError 'checkpoint' for a file whose name is that of a GGUF file */
export function refuseGguf(file: string): void {
  if (!/\.gguf$/i.test(file)) return
  throw new NanoGptError('checkpoint', {
    subject: file,
    reason: 'it is a GGUF file, which nano-gpt writes but does not read',
    remedy: 'give the run folder or the Hugging Face folder that it was made from',
  })
}
