// What pages cost a run of the studio: the training speed with twenty connected pages, compared with none.
// Turns with and without pages alternate, because the speed of a machine changes, and each turn is compared
// with its neighbor. Also the time of the main thread, which answers pages: on Linux its time on a processor.
//   node scripts/studio_cost.js [SECONDS]   of each turn (default: 2)

const { fork } = require('node:child_process')
const { mkdtempSync, mkdirSync, readFileSync, rmSync } = require('node:fs')
const { get, request } = require('node:http')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { performance } = require('node:perf_hooks')

const root = join(__dirname, '..')
const pages = 20
const pairs = 10

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

/** The value below which a part of them is. */
function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = part * (sorted.length - 1)
  const low = Math.floor(at)
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low])
}

/** Steps per second of the turn, from the records of steps that are within it. */
function speedIn(turn, steps, tokensPerStep) {
  const inside = steps.filter(({ from, to }) => from >= turn.from && to <= turn.to)
  const seconds = inside.reduce(
    (sum, each) => sum + ((each.to - each.from) * tokensPerStep) / each.tokensPerSecond,
    0,
  )
  return inside.reduce((sum, { from, to }) => sum + to - from, 0) / seconds
}

const percent = (part) => `${(100 * part).toFixed(1)} %`
const told = (parts) =>
  `median ${percent(quantile(parts, 0.5))}, quartiles ${percent(quantile(parts, 0.25))} and ${percent(quantile(parts, 0.75))}`

/** The seconds that the main thread worked since a time. */
function mainThread() {
  try {
    const at = () => Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[0]) / 1e9
    const begin = at()
    return () => at() - begin
  } catch {
    const begin = performance.eventLoopUtilization()
    return () => performance.eventLoopUtilization(begin).active / 1000
  }
}

async function main(seconds) {
  const { openStudio } = require(join(root, 'dist', 'studio', 'studio.js'))
  const { readRun } = require(join(root, 'dist', 'history', 'read.js'))
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
  const turn = async (count) => {
    child.send({ headers, port, count })
    await sleep(0.5)
    const [step, begin, worked] = [await stepNow(), performance.now(), mainThread()]
    await sleep(seconds)
    const [time, used] = [(performance.now() - begin) / 1000, worked()]
    results[count].push({ from: step, to: await stepNow(), used: used / time })
  }
  for (let pair = 0; pair < pairs; pair++)
    for (const count of pair % 2 === 0 ? [0, pages] : [pages, 0]) await turn(count)
  child.kill()
  await studio.close()
  // The engine measures the speed: the steps that pages are told lag behind.
  const { history, tokensPerStep } = await readRun(run)
  for (const turn of Object.values(results).flat()) turn.speed = speedIn(turn, history.steps, tokensPerStep)
  rmSync(folder, { recursive: true, force: true })
  const ofPairs = (compare) => results[0].map((without, i) => compare(results[pages][i], without))
  const speed = quantile(
    results[0].map((each) => each.speed),
    0.5,
  )
  console.log(`${pages} pages, compared with none (${speed.toFixed(1)} steps/s), in ${pairs} pairs of turns:`)
  console.log(`  training speed lost: ${told(ofPairs((w, without) => 1 - w.speed / without.speed))}`)
  console.log(`  main thread, of one core: ${told(ofPairs((w, without) => w.used - without.used))}`)
  console.log(`  main thread without pages: ${told(results[0].map(({ used }) => used))}`)
}

if (process.argv[2] === 'readers') readers()
else main(Number(process.argv[2] ?? 2))
