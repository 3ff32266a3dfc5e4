// The GPU under test, and the ways in which it can be unusable (docs/gpu-testing.md: the emulated
// GPU can imitate others).

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const device = process.env.NANO_GPT_TEST_DEVICE as 'cuda' | 'metal'

export interface Fault {
  readonly name: string
  /** `folder` is for the files that it needs. */
  readonly env: (folder: string) => Record<string, string>
  /** The value in `devices()`. */
  readonly available: boolean
  /** Whether a message is expected. */
  readonly present: boolean
  readonly message: RegExp
}

interface Kind {
  readonly faults: readonly Fault[]
  /** For a GPU that the driver can't use, and for one without kernels. */
  readonly tooOld: { readonly env: Record<string, string>; readonly message: RegExp }
  readonly noKernels: Fault['env']
  /**
   * Enough for a bigram; the decoder of the tests needs about 4 MiB. Metal allocates whole pages of
   * 16 KiB.
   */
  readonly littleMemory: { readonly SIMT_MEMORY: string }
  readonly description: RegExp
  /** The error that ends a run when the GPU stops answering, and the error of the next run. */
  readonly lost: RegExp
  readonly lostAgain: { readonly code: string; readonly message: RegExp }
  /** The number of a call between loading a small model and its last token. */
  readonly whileGenerating: number
  readonly missing: RegExp
}

/** A module of an incompatible version. */
function foreignModule(folder: string): string {
  const [source, path] = [join(folder, 'foreign.c'), join(folder, 'foreign.so')]
  writeFileSync(source, 'unsigned long long abi[64]; void* nano_gpt_cuda_module(void) { return abi; }')
  expect(spawnSync('cc', ['-shared', '-fPIC', source, '-o', path]).status).toBe(0)
  return path
}

function notAModule(folder: string): string {
  const path = join(folder, 'text.so')
  writeFileSync(path, 'not a library')
  return path
}

const cuda: Kind = {
  tooOld: { env: { SIMT_DRIVER: '12.4' }, message: /driver is too old/ },
  noKernels: () => ({ SIMT_NO_IMAGE: '1' }),
  littleMemory: { SIMT_MEMORY: '1' },
  description: /an emulated GPU, 16384 MiB/,
  lost: /CUDA: the GPU has stopped answering: .* \(cudaErrorECCUncorrectable\)\. /,
  lostAgain: { code: 'device', message: /has stopped answering/ },
  whileGenerating: 1100,
  missing: /there is no device "cuda:3"; there is one NVIDIA GPU, cuda:0/,
  faults: [
    {
      name: 'no module',
      env: () => ({ NANO_GPT_CUDA_MODULE: '/nowhere/cuda.so' }),
      available: false,
      present: true,
      message: /NANO_GPT_CUDA_MODULE is \/nowhere\/cuda\.so, and there is no such file/,
    },
    {
      name: 'a file that is no module',
      env: (folder) => ({ NANO_GPT_CUDA_MODULE: notAModule(folder) }),
      available: false,
      present: true,
      message: /text\.so can't be loaded: /,
    },
    {
      name: 'a module of another version',
      env: (folder) => ({ NANO_GPT_CUDA_MODULE: foreignModule(folder) }),
      available: false,
      present: true,
      message:
        /foreign\.so is of another version of nano-gpt: install the version of nano-gpt-cuda that nano-gpt has, or delete/,
    },
    {
      name: 'no driver',
      env: () => ({ SIMT_DRIVER: '0' }),
      available: false,
      present: false,
      message: /there is no NVIDIA driver/,
    },
    {
      name: 'a driver that is too old',
      env: () => ({ SIMT_DRIVER: '12.4' }),
      available: false,
      present: true,
      message:
        /the NVIDIA driver is too old: it has CUDA 12\.4, and 13\.0 is needed\. Install a newer driver/,
    },
    {
      name: 'no GPU',
      env: () => ({ SIMT_DEVICES: '0', CUDA_VISIBLE_DEVICES: '' }),
      available: false,
      present: false,
      message: /there is no NVIDIA GPU among CUDA_VISIBLE_DEVICES=/,
    },
    {
      name: 'a GPU that is too old',
      env: () => ({ SIMT_CAPABILITY: '7.0' }),
      available: false,
      present: true,
      message: /an emulated GPU has compute capability 7\.0; at least 7\.5 is needed/,
    },
    {
      name: 'a GPU for which there is no code',
      env: () => ({ SIMT_NO_IMAGE: '1' }),
      available: true,
      present: true,
      message:
        /no code for the GPU: .*\(cudaErrorNoKernelImageForDevice\)\. It was built for compute capability 8\.0\./,
    },
    {
      name: 'too little memory',
      env: () => cuda.littleMemory,
      available: true,
      present: true,
      message:
        /tensor ".*": out of memory on the GPU: 0\.\d MiB more are needed, 0\.\d of its 1\.0 MiB are free\. A smaller `batchSize`/,
    },
  ],
}

/** Shaders with an error in a header that all of them include. */
function broken(folder: string): Record<string, string> {
  const path = join(folder, 'edit')
  writeFileSync(path, 'native/metal/kernel.h\0inline bool Stopped(\0inline bool Stopped stopped(')
  return { SIMT_EDIT: path }
}

const metal: Kind = {
  tooOld: { env: { SIMT_FAMILY: 'apple6' }, message: /an Apple M1 or later is needed/ },
  noKernels: broken,
  littleMemory: { SIMT_MEMORY: '4' },
  description: /an emulated GPU, 16384 MiB for the GPU/,
  lost: /Metal: the GPU has stopped answering: .*; a new one can try/,
  lostAgain: { code: 'device_lost', message: /has stopped answering/ },
  whileGenerating: 300,
  missing: /there is no device "metal:3"; there is one GPU for Metal, metal:0/,
  faults: [
    {
      name: 'no GPU',
      env: () => ({ SIMT_DEVICES: '0' }),
      available: false,
      present: false,
      message: /Metal: there is no GPU/,
    },
    {
      name: 'a GPU that is too old',
      env: () => ({ SIMT_FAMILY: 'apple6' }),
      available: false,
      present: true,
      message: /Metal: an emulated GPU can't be used: an Apple M1 or later is needed/,
    },
    {
      name: "kernels that the system's compiler refuses",
      env: broken,
      available: true,
      present: true,
      message: /Metal: \w+\.metal does not compile on this system: /,
    },
    {
      name: 'too little memory',
      env: () => metal.littleMemory,
      available: true,
      present: true,
      message:
        /tensor ".*": out of memory on the GPU: 0\.\d MiB more are needed, and of the 4\.0 MiB that it should use \d\.\d are in use\. A smaller `batchSize`/,
    },
  ],
}

export const gpu: Kind = { cuda, metal }[device]
