// Uses the studio in Chromium as a beginner does: starts a run, watches it, pauses and resumes it, lets it
// write; with the keyboard, on a phone, in two tabs, after a restart, and from a hostile page. Writes
// screenshots to build/screenshots.
//   node scripts/ci/browser_studio.js TOOLS   TOOLS/node_modules has playwright-core and axe-core

const { spawn } = require('node:child_process')
const { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } = require('node:fs')
const { createServer } = require('node:http')
const { tmpdir } = require('node:os')
const { join } = require('node:path')

const { root, chromium, axe, screenshots, failures, fail } = require('./browser_tools')
const expect = (condition, what) => {
  if (!condition) fail(what)
}
const equal = (actual, expected, what) => expect(actual === expected, `${what}: ${actual}, not ${expected}`)
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))

// ------------------------------------------------------------------------------------------------
// The studio, in a process of its own

async function startStudio(runs, port = 0) {
  const main = join(root, 'dist', 'cli', 'main.js')
  const child = spawn(process.execPath, [main, 'studio', '--json', '--port', String(port), '--runs', runs])
  process.on('exit', () => child.kill('SIGKILL'))
  let output = ''
  child.stderr.on('data', (text) => fail(`the studio reports: ${text}`))
  const line = await new Promise((found) => {
    child.stdout.on('data', (text) => {
      output += text
      if (output.includes('\n')) found(output)
    })
  })
  const { url, port: opened } = JSON.parse(line)
  const ended = new Promise((done) => child.on('close', done))
  return {
    url,
    port: opened,
    async stop() {
      child.kill('SIGINT')
      return ended
    },
  }
}

// ------------------------------------------------------------------------------------------------
// Pages

const desktop = { viewport: { width: 1200, height: 900 } }
const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }

/** A page that fails for errors, and for requests of other origins. */
async function pageOf(context, name) {
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  page.on('request', (request) => {
    const { hostname } = new URL(request.url())
    if (hostname !== '127.0.0.1') fail(`${name}: it requests ${request.url()}`)
  })
  page.on('console', (message) => {
    // Of a field that is wrong, and of a studio that is being restarted.
    if (
      message.type() === 'error' &&
      !/ERR_CONNECTION|ERR_INCOMPLETE|status of 4(01|22)/.test(message.text())
    )
      fail(`${name}: the console says: ${message.text()}`)
  })
  page.on('pageerror', (error) => fail(`${name}: ${error.stack}`))
  return page
}

/** Fails for what axe-core finds, and for a page that is wider than its window. */
async function inspect(page, name) {
  const { scroll, width } = await page.evaluate(() => ({
    scroll: document.documentElement.scrollWidth,
    width: document.documentElement.clientWidth,
  }))
  expect(scroll <= width, `${name}: it is ${scroll} pixels wide in a window of ${width}`)
  // The policy of the page forbids a script element.
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run())
  for (const { id, impact, nodes } of violations)
    fail(`${name}: ${id} (${impact}) in ${nodes.map(({ target }) => target.join(' ')).join('; ')}`)
  await page.screenshot({ path: join(screenshots, `studio-${name}.png`), fullPage: true })
}

/** How many pixels of the curve have the color of a series. */
const drawnPixels = (page) =>
  page.evaluate(() => {
    const canvas = document.querySelector('.curve canvas')
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    let colored = 0
    for (let i = 0; i < data.length; i += 4) {
      const [r, g, b, a] = data.subarray(i, i + 4)
      if (a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 40) colored++
    }
    return colored
  })

const isFocused = (page, selector) =>
  page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)

/** Presses Tab until an element has the focus. */
async function tabTo(page, selector, what) {
  for (let i = 0; i < 150; i++) {
    if (await isFocused(page, selector)) return
    await page.keyboard.press('Tab')
  }
  fail(`Tab does not reach ${what}`)
}

const stepOf = (page) =>
  page.evaluate(() =>
    Number(/step ([\d,]+)/.exec(document.querySelector('.status').textContent)[1].replace(',', '')),
  )

// ------------------------------------------------------------------------------------------------
// What a beginner does

/** A file as it is chosen on the page. */
const file = {
  name: 'The docs.md',
  mimeType: 'text/markdown',
  buffer: Buffer.concat(
    readdirSync(join(root, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => readFileSync(join(root, 'docs', name))),
  ),
}
const picture = {
  name: 'photo.jpg',
  mimeType: 'image/jpeg',
  buffer: Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0]),
}

/** Options of a run that takes some ten seconds, as texts of fields. */
const small = {
  ...{ layers: '1', heads: '1', embed: '32', blockSize: '32', batchSize: '8' },
  ...{ steps: '6000', evalInterval: '600', evalBatches: '4', sampleTokens: '120' },
}

async function startRun(page) {
  await page.waitForSelector('.drop')
  expect((await page.textContent('.empty')).includes('Nothing here yet'), 'an empty folder is not explained')
  await inspect(page, 'home-empty')
  await page.click('text=Paste a text')
  await page.fill('#pasted', 'Too short.')
  await page.click('text=Train on this text')
  await page.waitForSelector('.problem:has-text("at least 1000")')
  await page.click('.options summary')
  for (const [name, value] of Object.entries(small)) await page.fill(`#option-${name}`, value)
  await page.fill('#option-heads', '0')
  await page.setInputFiles('input[type=file]', picture)
  await page.waitForSelector('.problem:has-text("not a plain text")')
  await page.setInputFiles('input[type=file]', file)
  await page.waitForSelector('.field.wrong:has(#option-heads) .problem')
  await inspect(page, 'home-wrong')
  await page.fill('#option-heads', '1')
  const begun = Date.now()
  await page.setInputFiles('input[type=file]', file)
  await page.waitForSelector('.status .state.running')
  console.log(`training is shown after ${Date.now() - begun} ms`)
}

async function watchRun(page, context) {
  await page.waitForSelector('.big strong')
  await page.waitForFunction(() => document.querySelector('.samples h3'))
  const [before, step] = [await drawnPixels(page), await stepOf(page)]
  await page.waitForFunction(
    (old) => !document.querySelector('.status').textContent.includes(old),
    `step ${step} `,
  )
  await sleep(1500)
  expect((await drawnPixels(page)) !== before, 'the curve does not move')
  // A second tab sees the same, and a reload disturbs nothing.
  const second = await pageOf(context, 'second tab')
  await second.goto(page.url())
  await second.waitForSelector('.status .state.running')
  await second.close()
  await page.reload()
  await page.waitForSelector('.status .state.running')
  expect((await stepOf(page)) >= step, 'a reload sets the run back')
  await page.click('text=Pause')
  await page.waitForSelector('.status .state.stopped')
  const paused = await stepOf(page)
  expect(paused < Number(small.steps), 'the run ended before it was paused')
  await page.click('text=Resume')
  await page.waitForSelector('.status .state.running')
  await page.waitForSelector('.status .state.finished')
  equal(await stepOf(page), Number(small.steps), 'the step of the end')
}

async function readSamples(page) {
  const slider = page.locator('.slider')
  const title = () => page.textContent('.samples h3')
  equal(await title(), 'What it wrote after 6,000 steps', 'the newest sample')
  await slider.focus()
  await page.keyboard.press('Home')
  equal(await title(), 'What it wrote after 0 steps', 'the sample after Home')
  await page.keyboard.press('ArrowRight')
  equal(await title(), 'What it wrote after 600 steps', 'the sample after an arrow key')
  const over = await page.locator('.curve .u-over').boundingBox()
  await page.mouse.click(over.x + over.width * 0.52, over.y + 50)
  equal(await title(), 'What it wrote after 3,000 steps', 'the sample after a click on the curve')
}

async function letWrite(page) {
  await page.waitForSelector('.bar')
  const bars = () => page.$$eval('.bar', (all) => all.map((bar) => bar.textContent))
  const written = () => page.$eval('.try .sample', (element) => element.textContent)
  await page.fill('#prompt', 'The ')
  await page.waitForFunction(() => document.querySelector('.try .sample').textContent.startsWith('The '))
  await sleep(500)
  const begun = Date.now()
  const old = (await bars()).join()
  await page.fill('#prompt', 'The mode')
  await page.waitForFunction(
    (before) => [...document.querySelectorAll('.bar')].map((bar) => bar.textContent).join() !== before,
    old,
  )
  console.log(`from input to odds: ${Date.now() - begun} ms`)
  await page.fill('#topK', '2')
  equal(await page.locator('.bar:not(.out)').count(), 2, 'the bars with top-k 2')
  await page.fill('#topK', '0')
  await page.fill('#temperature', '0')
  expect((await bars())[0].includes('100 %'), 'with temperature 0 the first bar is not certain')
  await page.fill('#temperature', '1')
  // The same seed writes the same text.
  const write = async () => {
    await page.click('text=Start over', { force: true }).catch(() => {})
    for (let i = 0; i < 5; i++) {
      const length = (await written()).length
      await page.click('text=One step')
      await page.waitForFunction((n) => document.querySelector('.try .sample').textContent.length > n, length)
    }
    return written()
  }
  const once = await write()
  equal(await write(), once, 'the text of the same seed')
  await page.locator('.bar:enabled').nth(1).click()
  expect((await page.textContent('.try mark')).length === 1, 'a chosen token is not marked')
  const length = (await written()).length
  await page.click('.try .button.primary')
  await page.waitForFunction((n) => document.querySelector('.try .sample').textContent.length > n + 3, length)
  await page.click('.try .button.primary')
}

async function findSurprises(page) {
  await page.fill('#surprise-text', 'The model zq')
  await page.waitForFunction(() => document.querySelector('.colored').textContent.trim() === 'The model zq')
  const heats = await page.$$eval('.colored span', (all) =>
    all.map((each) => Number.parseInt(each.style.getPropertyValue('--heat'), 10)),
  )
  expect(heats.at(-1) > heats[2], `"q" is no more surprising than the "e" of "The": ${heats}`)
  await page.locator('.colored span').last().hover()
  expect(
    /^“q” had a chance of .* %/.test(await page.textContent('.readout')),
    'pointing explains no character',
  )
  await page.mouse.move(0, 0)
  expect((await page.textContent('.readout')).startsWith('All in all'), 'the text has no sum')
  await page.focus('.colored')
  await page.keyboard.press('ArrowRight')
  expect((await page.textContent('.readout')).startsWith('“h”'), 'an arrow key explains no character')
}

async function useKeyboard(page) {
  await page.keyboard.press('Tab')
  expect(await isFocused(page, '.skip'), 'Tab does not begin with the skip link')
  await tabTo(page, '.slider', 'the slider of the samples')
  await tabTo(page, '#prompt', 'the beginning of a text')
  await tabTo(page, '.bar', 'the bars')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.try mark')
  await tabTo(page, '#seed', 'the seed')
}

/** A page of another origin must neither read nor change anything. */
async function attack(browser, studio) {
  const evil = createServer((_, response) => response.end('<!doctype html><title>evil</title>'))
  await new Promise((listening) => evil.listen(0, '127.0.0.1', listening))
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    await page.goto(studio.url)
    // Another port of the same host is the same site, so the browser sends the cookie.
    await page.goto(`http://127.0.0.1:${evil.address().port}/`)
    const results = await page.evaluate(async (base) => {
      const tries = {
        read: () => fetch(`${base}/api/run?id=x`, { credentials: 'include' }),
        change: () =>
          fetch(`${base}/api/stop`, { method: 'POST', body: '{}', credentials: 'include', mode: 'no-cors' }),
        script: () => import(`${base}/main.mjs`),
        events: () =>
          new Promise((done, refused) => {
            const source = new EventSource(`${base}/api/events`, { withCredentials: true })
            source.onopen = done
            source.onerror = refused
          }),
      }
      const all = Object.entries(tries).map(async ([name, attempt]) => {
        try {
          const response = await attempt()
          return [name, response?.type === 'opaque' ? 'refused' : 'possible']
        } catch {
          return [name, 'refused']
        }
      })
      return Object.fromEntries(await Promise.all(all))
    }, `http://127.0.0.1:${studio.port}`)
    for (const [what, result] of Object.entries(results)) equal(result, 'refused', `a hostile page: ${what}`)
  } finally {
    await context.close()
    evil.close()
  }
}

async function restart(page, context, studio, runs) {
  equal(await studio.stop(), 0, 'the exit code of the studio')
  await page.waitForSelector('.connection.lost')
  await inspect(page, 'lost')
  const again = await startStudio(runs, studio.port)
  equal(again.port, studio.port, 'the port after a restart')
  const other = await pageOf(context, 'after the restart')
  await other.goto(again.url)
  await other.waitForSelector('tbody tr')
  await page.waitForSelector('.connection:not(.lost)')
  await other.close()
  return again
}

async function check(browser, runs) {
  let studio = await startStudio(runs)
  const context = await browser.newContext({ ...desktop, colorScheme: 'light' })
  const page = await pageOf(context, 'light')
  const begun = Date.now()
  await page.goto(studio.url)
  await page.waitForSelector('.drop')
  console.log(`first view after ${Date.now() - begun} ms`)
  expect(!page.url().includes('token'), 'the token stays in the address')
  await startRun(page)
  await attack(browser, studio)
  await watchRun(page, context)
  await readSamples(page)
  await letWrite(page)
  await findSurprises(page)
  await inspect(page, 'light')
  await page.reload()
  await useKeyboard(page)
  const run = page.url()
  studio = await restart(page, context, studio, runs)
  await page.goto(run.replace(/#.*/, ''))
  await page.waitForSelector('tbody tr')
  await inspect(page, 'home')
  const hash = new URL(run).hash
  for (const [name, options] of Object.entries({
    dark: { ...desktop, colorScheme: 'dark' },
    phone: { ...phone, colorScheme: 'light' },
    'phone-dark': { ...phone, colorScheme: 'dark', reducedMotion: 'reduce' },
  })) {
    const other = await browser.newContext(options)
    const view = await pageOf(other, name)
    await view.goto(studio.url)
    await view.waitForSelector('tbody tr')
    await inspect(view, `home-${name}`)
    await view.evaluate((to) => {
      location.hash = to
    }, hash)
    await view.waitForSelector('.bar')
    await inspect(view, name)
    await other.close()
  }
  await context.close()
  await studio.stop()
}

async function main() {
  mkdirSync(screenshots, { recursive: true })
  const runs = mkdtempSync(join(tmpdir(), 'nano-gpt-'))
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args })
  try {
    await check(browser, runs)
  } finally {
    await browser.close()
    rmSync(runs, { recursive: true, force: true })
  }
  console.log(failures.count === 0 ? 'the studio in Chromium: all good' : `${failures.count} failures`)
  process.exit(failures.count === 0 ? 0 : 1)
}

main().catch((error) => {
  console.error(String(error.stack).slice(0, 3000))
  process.exit(1)
})
