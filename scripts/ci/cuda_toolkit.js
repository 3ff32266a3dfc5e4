// Downloads the parts of NVIDIA's CUDA toolkit that building the CUDA module requires, checks them
// against the sums in NVIDIA's list, and unpacks them to FOLDER:
//   node scripts/ci/cuda_toolkit.js FOLDER [VERSION]
// For machines without NVIDIA's package repositories, and much smaller than its installers.
// CUDA_REDIST replaces the address of the list.
const { spawnSync } = require('node:child_process')
const { createHash } = require('node:crypto')
const { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } = require('node:fs')
const { basename, join } = require('node:path')

const usual = '13.0.2'
const components = ['cuda_nvcc', 'cuda_crt', 'libnvvm', 'cuda_cudart', 'cuda_cccl']
const base = process.env.CUDA_REDIST ?? 'https://developer.download.nvidia.com/compute/cuda/redist'
const platforms = { 'linux-x64': 'linux-x86_64', 'linux-arm64': 'linux-sbsa', 'win32-x64': 'windows-x86_64' }

async function download(url) {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`)
  return Buffer.from(await response.arrayBuffer())
}

/**
 * Unpacks an archive, without the folder that holds its files, into `folder`. Windows' tar also reads
 * zip files.
 */
function unpack(archive, folder) {
  const tar = process.platform === 'win32' ? join(process.env.SystemRoot, 'System32', 'tar.exe') : 'tar'
  const { status } = spawnSync(tar, ['-xf', archive, '-C', folder, '--strip-components=1'], {
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`${archive} can't be unpacked`)
}

async function main() {
  const [folder, version = usual] = process.argv.slice(2)
  if (!folder) throw new Error('usage: cuda_toolkit.js FOLDER [VERSION]')
  const platform = platforms[`${process.platform}-${process.arch}`]
  if (!platform) throw new Error(`there is no CUDA toolkit for ${process.platform}-${process.arch}`)
  const list = JSON.parse(await download(`${base}/redistrib_${version}.json`))
  mkdirSync(folder, { recursive: true })
  for (const component of components) {
    const entry = list[component]?.[platform]
    if (!entry) throw new Error(`CUDA ${version} has no ${component} for ${platform}`)
    const bytes = await download(`${base}/${entry.relative_path}`)
    const sum = createHash('sha256').update(bytes).digest('hex')
    if (sum !== entry.sha256)
      throw new Error(`${entry.relative_path} has the sum ${sum}, not ${entry.sha256}`)
    const archive = join(folder, basename(entry.relative_path))
    writeFileSync(archive, bytes)
    unpack(archive, folder)
    rmSync(archive)
    console.log(`${component} ${list[component].version}`)
  }
  // CMake and nvcc look for libraries in lib64.
  if (process.platform === 'linux' && !existsSync(join(folder, 'lib64')))
    symlinkSync('lib', join(folder, 'lib64'))
}

main().catch((error) => {
  console.error(`cuda_toolkit: ${error.message}`)
  process.exitCode = 1
})
