// What pages cost a run of the studio: the training speed with twenty connected pages, and with none, in
// turns, because the speed of a machine changes. Also how busy the main thread is, which answers pages.
//   node scripts/studio_cost.js [SECONDS]   of each turn (default: 5)

const { fork } = require('node:child_process')
const { mkdtempSync, mkdirSync, readFileSync, rmSync } = require('node:fs')
const { get, request } = require('node:http')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { performance } = require('node:perf_hooks')

const root = join(__dirname, '..')
const pages = 20
const turns = 6

/** In a process of their own: pages that read all events. */
function readers() {
  let open = []
  process.on('message', ({ headers, port, count }) => {
    for (const each of open) each.destroy()
    open = Array.from({ length: count }, () =>
      get({ host: '127.0.0.1', port, path: '/api/events', headers, agent: false }, (response) =>
        response.resume().on('error', () => {}),
      ).on('error', () => {}),
    )
  })
}

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds))
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]

async function main(seconds) {
  const { openStudio } = require(join(root, 'dist', 'studio', 'studio.js'))
  const folder = mkdtempSync(join(tmpdir(), 'nano-gpt-'))
  const run = join(folder, 'run')
  const studio = await openStudio({
    port: 0,
    runs: folder,
    newFolder: () => mkdirSync(run) ?? run,
    command: (...args) => args.join(' '),
    report: console.error,
  })
  const { port } = studio
  const token = new URL(studio.url).searchParams.get('token')
  const headers = {
    Origin: `http://127.0.0.1:${port}`,
    Cookie: `nano-gpt-studio-${port}=${token}`,
    'Content-Type': 'application/json',
  }
  const text = { name: 'docs', text: readFileSync(join(root, 'docs', 'options.md'), 'utf8').repeat(20) }
  // As in a run of two minutes on two cores: steps of some 30 ms.
  const sizes = { layers: '3', heads: '2', embed: '64', blockSize: '64', batchSize: '16' }
  const often = { steps: '1000000', evalInterval: '1000000', evalBatches: '1' }
  const started = new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/api/start', method: 'POST', headers }, (response) => {
      response.resume()
      if (response.statusCode === 200) resolve()
      else reject(new Error(`the studio answers ${response.statusCode}`))
    }).end(JSON.stringify({ text, options: { ...sizes, ...often } }))
  })
  await started
  const child = fork(__filename, ['readers'])
  const results = { 0: [], [pages]: [] }
  const stepNow = () =>
    new Promise((resolve) => {
      get({ host: '127.0.0.1', port, path: '/api/run?id=run', headers }, async (response) => {
        let body = ''
        for await (const chunk of response) body += chunk
        resolve(JSON.parse(body).step)
      })
    })
  for (let turn = 0; turn < 2 * turns; turn++) {
    const count = turn % 2 === 0 ? 0 : pages
    child.send({ headers, port, count })
    await sleep(1)
    const [begin, step, busy] = [performance.now(), await stepNow(), performance.eventLoopUtilization()]
    await sleep(seconds)
    const steps = (await stepNow()) - step
    const used = performance.eventLoopUtilization(busy).utilization
    results[count].push({ speed: (1000 * steps) / (performance.now() - begin), used })
  }
  child.kill()
  await studio.close()
  rmSync(folder, { recursive: true, force: true })
  for (const [count, all] of Object.entries(results)) {
    const speed = median(all.map(({ speed }) => speed))
    const used = median(all.map(({ used }) => used))
    console.log(
      `${count.padStart(2)} pages: ${speed.toFixed(1)} steps/s, main thread busy ${(100 * used).toFixed(1)} %`,
    )
  }
}

if (process.argv[2] === 'readers') readers()
else main(Number(process.argv[2] ?? 5))
