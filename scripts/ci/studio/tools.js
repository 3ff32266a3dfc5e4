// What the checks of the studio share.

const { spawn } = require('node:child_process')
const { join } = require('node:path')
const { root, axe, screenshots, fail } = require('../browser_tools')

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
      !/ERR_CONNECTION|ERR_INCOMPLETE|status of 4(01|09|22)/.test(message.text())
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

/** Opens a view of the run that is shown. */
async function openView(page, title) {
  await page.click(`.views >> text="${title}"`)
  await page.waitForSelector(`.views a[aria-current]:has-text("${title}")`)
}

module.exports = {
  ...{ root, fail, expect, equal, sleep, startStudio },
  ...{ desktop, phone, pageOf, inspect, drawnPixels, isFocused, tabTo, stepOf, openView },
}
