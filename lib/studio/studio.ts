// The server of the studio: a page for the browsers of this machine, and nobody else.

import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { corpusNames, titleOf } from '../data/corpus'
import { NanoGptError, option, reasonOf, say } from '../errors'
import { version } from '../version'
import { contentSecurityPolicy, loadAssets } from './assets'
import { Attention } from './attention'
import { Channel, type ChannelLimits } from './channel'
import { comparisonOf, mostCompared } from './comparison'
import { fieldGroups, optionsOf } from './fields'
import { startFork } from './fork'
import { type Credentials, cookieFor, refusalOf } from './guard'
import { passage } from './guess'
import { Models } from './models'
import { type Moment, Moments } from './moments'
import { OpenedStep } from './opened_step'
import { Rebuilder } from './rebuild'
import { RequestError, readJson, send, sendError, sendJson } from './respond'
import { type GivenText, Runner } from './runner'
import { Runs } from './runs'
import { slowStep } from './slow_step'
import { Speed } from './speed'
import { Course } from './stages'
import { changeIn, timelineOf } from './timeline'
import { weightsPicture } from './weights'
import { Writer } from './writer'

/** Only this machine can connect. */
const host = '127.0.0.1'
/** How many ports are tried, from the given one on. */
const portsToTry = 20
/** The largest number of open connections. A browser opens six per page. */
const mostConnections = 256
/** The time between two looks at the runs folder while a page is open, in milliseconds. */
const millisecondsPerLook = 2000

export interface StudioOptions {
  /** The first port to try; 0: any free port. */
  readonly port: number
  /** The folder of the runs. */
  readonly runs: string
  /** Creates the folder of a new run. */
  newFolder(name: string): string
  /** A command of the program, as a terminal takes it. */
  command(...args: string[]): string
  /** Called with an error of the server that no page can be told. */
  report(message: string): void
  /** Tests replace these. */
  readonly limits?: Partial<ChannelLimits>
  readonly connections?: number
}

export interface Studio {
  /** The address of the page, with its token. */
  readonly url: string
  readonly port: number
  /** Stops a run that is training, with a checkpoint, and closes all connections. */
  close(): Promise<void>
}

/**
 * Starts the server.
 *
 * @throws NanoGptError 'option' if no port is free
 */
export async function openStudio(options: StudioOptions): Promise<Studio> {
  const token = randomBytes(24).toString('base64url')
  const desk = new Desk(options)
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 10_000, keepAliveTimeout: 5000 })
  server.maxConnections = options.connections ?? mostConnections
  const port = await listen(server, options.port)
  server.on('request', (request, response) => desk.answer(request, response, { port, token }))
  server.on('clientError', (_, socket) => socket.destroy())
  return {
    url: `http://${host}:${port}/?token=${token}`,
    port,
    async close() {
      await desk.close()
      server.close()
      server.closeAllConnections()
    },
  }
}

/** The first free port. */
async function listen(server: Server, wanted: number): Promise<number> {
  for (let port = wanted; ; port++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          resolve()
        })
      })
      return (server.address() as AddressInfo).port
    } catch (error) {
      const isTaken = ['EADDRINUSE', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')
      if (isTaken && port < Math.min(wanted + portsToTry - 1, 65_535)) continue
      throw new NanoGptError('option', {
        option: 'port',
        value: wanted,
        reason: reasonOf(error),
        remedy: say`${option('port', 0)} takes any free port`,
      })
    }
  }
}

type Body = Readonly<Record<string, unknown>>

/** Answers requests. */
class Desk {
  private readonly assets = loadAssets()
  private readonly runs: Runs
  private readonly runner: Runner
  private readonly moments = new Moments()
  private readonly models = new Models(this.moments)
  private readonly rebuilder = new Rebuilder(
    this.moments,
    (progress) => this.channel.emit('rebuild', progress),
    () => this.runner.refuseBusy(),
  )
  private readonly step = new OpenedStep(this.moments)
  private readonly writer = new Writer(this.models)
  private readonly attention = new Attention(this.models)
  private readonly measuring = {
    refuseBusy: async () => {
      this.rebuilder.refuseRebuild()
      await this.refuseBusy('a measurement would be wrong')
    },
  }
  private readonly speed = new Speed(this.measuring)
  private readonly course: Course
  private readonly channel: Channel
  private readonly looking: NodeJS.Timeout
  /** The table of runs that the pages have, as JSON. */
  private shown = '[]'
  private isLooking = false
  private isClosing = false
  /** The calls in progress. */
  private readonly calling = new Set<Promise<object>>()

  constructor(private readonly options: StudioOptions) {
    this.runs = new Runs(options.runs)
    this.runner = new Runner({
      newFolder: options.newFolder,
      idOf: (folder) => this.runs.idOf(folder),
      publish: (type, data) => this.channel.emit(type, data),
      pages: () => this.channel.size,
    })
    this.course = new Course(this.runner, this.measuring)
    this.channel = new Channel(() => this.snapshot(), options.limits)
    this.looking = setInterval(() => {
      if (this.channel.size > 0) this.look()
    }, millisecondsPerLook).unref()
  }

  async close(): Promise<void> {
    this.isClosing = true
    clearInterval(this.looking)
    await this.runner.close()
    await this.speed.stop()
    await this.rebuilder.close()
    // A fork removes what it began.
    await Promise.allSettled(this.calling)
    await this.models.close()
    await this.step.close()
    this.channel.close()
  }

  /** Never rejects: an error is the page's, and no run ends because of it. */
  async answer(request: IncomingMessage, response: ServerResponse, credentials: Credentials): Promise<void> {
    try {
      const url = addressOf(request)
      const refusal = refusalOf(request, url, credentials)
      if (refusal) throw new RequestError(refusal.status, refusal.message)
      if (url.pathname.startsWith('/api/')) await this.call(request, response, url)
      else this.sendAsset(request, response, url, cookieFor(credentials))
    } catch (error) {
      if (!(error instanceof RequestError) && !(error instanceof NanoGptError))
        this.options.report(`${request.method} ${request.url?.split('?')[0]}: ${reasonOf(error)}`)
      if (response.headersSent) response.destroy()
      else {
        // The rest of a body that is too large is not read.
        if (!request.complete) response.setHeader('Connection', 'close')
        sendError(response, error)
      }
    }
  }

  private sendAsset(request: IncomingMessage, response: ServerResponse, url: URL, cookie: string): void {
    if (request.method !== 'GET') throw new RequestError(405, 'Only GET is possible here.')
    const asset = this.assets.get(url.pathname)
    if (!asset) throw new RequestError(404, 'There is no such page.')
    const isZipped = /\bgzip\b/.test(String(request.headers['accept-encoding']))
    send(response, 200, isZipped ? asset.gzip : asset.body, {
      'Content-Type': asset.type,
      ...(isZipped && { 'Content-Encoding': 'gzip' }),
      Vary: 'Accept-Encoding',
      'Content-Security-Policy': contentSecurityPolicy,
      ...(url.pathname === '/' && { 'Set-Cookie': cookie }),
    })
  }

  private async call(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const name = `${request.method} ${url.pathname}`
    if (name === 'GET /api/events') {
      const last = request.headers['last-event-id'] ?? url.searchParams.get('after') ?? undefined
      await this.look()
      return this.channel.connect(request, response, last as string | undefined)
    }
    if (name === 'GET /api/run') return sendJson(response, 200, await this.viewOf(url.searchParams.get('id')))
    const call = this.calls[name]
    if (!call) throw new RequestError(404, 'There is no such call.')
    const body = await readJson(request)
    if (this.isClosing) throw new RequestError(503, 'The studio has ended.')
    const calling = call(body)
    this.calling.add(calling)
    sendJson(response, 200, await calling.finally(() => this.calling.delete(calling)))
  }

  /** The calls that have a body. */
  private readonly calls: Readonly<Record<string, (body: Body) => Promise<object>>> = {
    'POST /api/start': async ({ text, options }) => {
      const [given, checked] = [textIn(text), optionsOf(fieldsIn(options))]
      await this.makeWay()
      return { id: await this.runner.start(given, checked) }
    },
    'POST /api/stop': async () => {
      await this.runner.stop()
      return {}
    },
    'POST /api/odds': async (body) => this.writer.odds(await this.momentOf(body), body.text),
    'POST /api/write': async (body) => {
      return { tokens: await this.writer.write(await this.momentOf(body), body.text, body) }
    },
    'POST /api/surprise': async (body) => {
      return { tokens: await this.writer.surprise(await this.momentOf(body), body.text) }
    },
    'POST /api/attention': async (body) =>
      this.attention.look(await this.momentOf(body), body.text, body.without),
    'POST /api/ablate': async (body) => {
      return { losses: await this.attention.lossesWithout(await this.momentOf(body), body.text, body.heads) }
    },
    'POST /api/stages': async () => ({ stages: await this.course.list(), texts: corpusNames.map(titleOf) }),
    'POST /api/stages/show': async ({ stage, text }) => {
      return { shown: await this.course.demonstrate(stage, textIn(text)) }
    },
    'POST /api/stages/time': async ({ stage, text }) => {
      return { secondsPerStep: await this.course.secondsPerStep(stage, textIn(text)) }
    },
    'POST /api/stages/start': async ({ stage, text, steps }) => {
      await this.makeWay()
      return { id: await this.course.start(stage, textIn(text), steps) }
    },
    'POST /api/compare': async ({ ids }) =>
      comparisonOf(this.runs, ids, (folders) => this.options.command('compare', ...folders)),
    'POST /api/timeline': async ({ id }) => timelineOf(await this.runs.folderOf(id), this.moments),
    'POST /api/weights': async (body) => weightsPicture(this.models, await this.momentOf(body), body.name),
    'POST /api/rebuild': async ({ id, step }) => {
      const folder = await this.runs.folderOf(id)
      const wanted = stepIn(step)
      await this.refuseBusy('both would be slow')
      await this.speed.stop()
      return { replayed: await this.rebuilder.rebuild(id as string, folder, wanted) }
    },
    'POST /api/rebuild/cancel': async () => {
      await this.rebuilder.cancel()
      return {}
    },
    'POST /api/fork': async ({ id, step, option: name, value, steps }) => {
      const folder = await this.runs.folderOf(id)
      const changes = changeIn(name, value, steps)
      const { moments, rebuilder, runner } = this
      const parts = { moments, rebuilder, runner, newFolder: this.options.newFolder }
      await this.speed.stop()
      return { id: await startFork(parts, { id: id as string, folder, step: stepIn(step), changes }) }
    },
    'POST /api/passage': async (body) => passage(this.models, await this.momentOf(body), body.seed),
    'POST /api/step': async (body) => slowStep(this.step, await this.momentOf(body), body),
    'POST /api/resume': async ({ id }) => {
      const folder = await this.runs.folderOf(id)
      const { text } = await this.runs.view(id)
      await this.makeWay()
      return { id: await this.runner.resume(folder, text) }
    },
    'POST /api/speed/about': async ({ id }) => this.speed.about(await this.runs.folderOf(id)),
    'POST /api/speed': async ({ id, again }) =>
      this.speed.measure(await this.runs.folderOf(id), again === true),
  }

  /** Ends what would slow a training. */
  private async makeWay(): Promise<void> {
    await this.speed.stop()
    await this.rebuilder.cancel()
  }

  /** The model that a call is about. */
  private async momentOf({ id, step }: Body): Promise<Moment> {
    const folder = await this.runs.folderOf(id)
    return step === undefined ? { folder } : { folder, step: stepIn(step) }
  }

  /** @throws RequestError if a run is training, in this studio or another process */
  private async refuseBusy(why: string): Promise<void> {
    const isTraining = ({ state }: { readonly state: string }) => state === 'running'
    const busy = this.runner.isBusy ? this.runner.view : (await this.runs.list()).find(isTraining)
    if (!busy) return
    throw new RequestError(
      409,
      `“${busy.text}” is training, and ${why}. Wait until it is finished, or pause it.`,
    )
  }

  private async viewOf(id: string | null) {
    const { view } = this.runner
    return view?.id === id ? view : this.runs.view(id)
  }

  /** What a new page starts from. */
  private snapshot(): object {
    return {
      version,
      folder: this.options.runs,
      run: this.runner.view,
      runs: JSON.parse(this.shown),
      fields: fieldGroups(),
      mostCompared,
    }
  }

  /** Looks for runs that have changed, if somebody is there to see them. */
  private async look(): Promise<void> {
    if (this.isLooking) return
    this.isLooking = true
    try {
      const shown = JSON.stringify(await this.runs.list())
      if (shown === this.shown) return
      this.shown = shown
      this.channel.emit('runs', JSON.parse(shown))
    } catch (error) {
      this.options.report(`the folder of the runs cannot be read: ${reasonOf(error)}`)
    } finally {
      this.isLooking = false
    }
  }
}

/** @throws RequestError for `//`, for example */
function addressOf({ url = '/' }: IncomingMessage): URL {
  const origin = `http://${host}`
  if (!URL.canParse(url, origin)) throw new RequestError(400, 'The address is not valid.')
  return new URL(url, origin)
}

function stepIn(given: unknown): number {
  if (Number.isSafeInteger(given) && (given as number) >= 0) return given as number
  throw new RequestError(400, 'A step is a whole number, from 0 on.')
}

/** The longest name of a text. */
const longestName = 200

function textIn(given: unknown): GivenText {
  if (given === undefined || given === null) return null
  const { text, name } = Object(given) as { text?: unknown; name?: unknown }
  if (typeof text !== 'string' || typeof name !== 'string' || name.length > longestName)
    throw new RequestError(400, 'A text has a name of at most 200 characters, and both are strings.')
  return { text, name: name.trim() || 'text' }
}

function fieldsIn(given: unknown): Body {
  if (given === undefined) return {}
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new RequestError(400, 'The options must be an object.')
  return given as Body
}
