// Files of PyTorch, which are pickles: programs that the reader executes. nano-gpt reads none.

import { NanoGptError } from '../../errors'

const extensions = /\.(pt|pth|bin|ckpt|pkl)$/i

export const pickleRemedy = 'convert it to safetensors with the lines of Python in docs/models.md'

/** @throws NanoGptError 'checkpoint' for a file whose name is that of a pickle */
export function refusePickle(file: string): void {
  if (!extensions.test(file)) return
  throw new NanoGptError('checkpoint', {
    subject: file,
    reason: 'it is a PyTorch file, a pickle, and reading one can run any code',
    remedy: pickleRemedy,
  })
}
