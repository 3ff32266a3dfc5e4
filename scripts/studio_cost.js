// What pages cost a run of the studio: the training speed with twenty connected pages, compared with none.
// The speed of a machine changes, often by more than the pages cost. So turns with and without pages
// alternate, and each is compared with its neighbors; a control compares turns without pages with each
// other. Linux also counts what slows the training down: how long its threads waited for a processor,
// because pages, or the process that reads them on the same processors, had it.
//   node scripts/studio_cost.js [SECONDS [ROUNDS]]   of each turn (default: 5), of three turns (default: 12)

const { fork } = require('node:child_process')
const { existsSync, mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync } = require('node:fs')
const { get, request } = require('node:http')
const { availableParallelism, tmpdir } = require('node:os')
const { join } = require('node:path')
const { performance } = require('node:perf_hooks')
const { median } = require('./trend')

const root = join(__dirname, '..')
const pages = 20

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

const sum = (values) => values.reduce((total, value) => total + value, 0)

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds))

/** Steps per second of the turn, from the records of steps that are within it. */
function speedIn(turn, steps, tokensPerStep) {
  const inside = steps.filter(({ from, to }) => from >= turn.from && to <= turn.to)
  const seconds = sum(inside.map((each) => ((each.to - each.from) * tokensPerStep) / each.tokensPerSecond))
  return sum(inside.map(({ from, to }) => to - from)) / seconds
}

const percent = (part) => `${(100 * part).toFixed(1)} %`

/** The mean, with twice its standard error. */
function told(parts) {
  const mean = sum(parts) / parts.length
  const variance = sum(parts.map((part) => (part - mean) ** 2)) / (parts.length - 1)
  return `${percent(mean)} ± ${percent(2 * Math.sqrt(variance / parts.length))}`
}

/** For each thread of a process, the seconds that it ran and that it waited for a processor. */
function threadsOf(pid) {
  const folder = `/proc/${pid}/task`
  if (!existsSync(folder)) return new Map()
  return new Map(
    readdirSync(folder).flatMap((id) => {
      try {
        const [ran, waited] = readFileSync(join(folder, id, 'schedstat'), 'utf8').split(' ')
        return [[id, { ran: ran / 1e9, waited: waited / 1e9 }]]
      } catch {
        return [] // It has ended.
      }
    }),
  )
}

/** What the threads of a process did between two calls of `threadsOf`, the busiest first. */
function between(before, after) {
  const none = { ran: 0, waited: 0 }
  return [...after]
    .map(([id, { ran, waited }]) => {
      const was = before.get(id) ?? none
      return { ran: ran - was.ran, waited: waited - was.waited }
    })
    .sort((a, b) => b.ran - a.ran)
}

async function main(seconds, rounds) {
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
  // As in a run of two minutes on two cores: steps of some 10 ms.
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
  const turns = []
  const stepNow = () =>
    new Promise((resolve) => {
      get({ host: '127.0.0.1', port, path: '/api/run?id=run', headers }, async (response) => {
        let body = ''
        for await (const chunk of response) body += chunk
        resolve(JSON.parse(body).step)
      })
    })
  const turn = async (kind) => {
    child.send({ headers, port, count: kind === 'pages' ? pages : 0 })
    await sleep(1)
    const [from, begin] = [await stepNow(), performance.now()]
    const [own, readers] = [threadsOf('self'), threadsOf(child.pid)]
    await sleep(seconds)
    const [all, reading] = [between(own, threadsOf('self')), between(readers, threadsOf(child.pid))]
    const time = (performance.now() - begin) / 1000
    const training = all.splice(0, availableParallelism())
    turns.push({
      ...{ kind, from, to: await stepNow() },
      waited: sum(training.map(({ waited }) => waited)) / time,
      others: sum(all.map(({ ran }) => ran)) / time,
      readers: sum(reading.map(({ ran }) => ran)) / time,
    })
  }
  const kinds = ['without', 'pages', 'control']
  for (let round = 0; round < rounds; round++) for (let i = 0; i < 3; i++) await turn(kinds[(i + round) % 3])
  child.kill()
  await studio.close()
  // The engine measures the speed: the steps that pages are told lag behind.
  const { history, tokensPerStep } = await readRun(run)
  for (const turn of turns) turn.speed = speedIn(turn, history.steps, tokensPerStep)
  rmSync(folder, { recursive: true, force: true })
  const [without, withPages, control] = kinds.map((kind) => turns.filter((each) => each.kind === kind))
  const speed = median([...without, ...control].map((each) => each.speed))
  const lost = withPages.map((each, i) => 1 - (2 * each.speed) / (without[i].speed + control[i].speed))
  const noise = control.map((each, i) => 1 - each.speed / without[i].speed)
  console.log(`${pages} pages, compared with none (${speed.toFixed(1)} steps/s), ${rounds} times:`)
  console.log(`  training speed lost        ${told(lost)}`)
  console.log(`  the same without pages     ${told(noise)}`)
  if (withPages[0].others === 0) return
  const both = (of) =>
    `${percent(median(withPages.map(of)))}, ${percent(median([...without, ...control].map(of)))}`
  console.log('Of the time of one processor, with pages and without (medians):')
  console.log(`  threads that train waited  ${both((each) => each.waited)}`)
  console.log(`  other threads worked       ${both((each) => each.others)}`)
  console.log(`  readers of events worked   ${both((each) => each.readers)}`)
}

if (process.argv[2] === 'readers') readers()
else main(Number(process.argv[2] ?? 5), Number(process.argv[3] ?? 12))
