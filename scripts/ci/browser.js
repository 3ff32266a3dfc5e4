// Checks reports in Chromium (browser.sh). Trains two small runs, opens their reports, and uses them in
// light and dark, on a phone, on paper and with the keyboard. Then proves that the checks can fail.
//   node scripts/ci/browser.js TOOLS   TOOLS/node_modules has playwright-core and axe-core

const { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { pathToFileURL } = require('node:url')

const { tools, root, chromium, axe, screenshots, failures, fail } = require('./browser_tools')

// ------------------------------------------------------------------------------------------------
// Pages

/** A text that a sample must not turn into a page. */
const hostile = `</script><script>window.hacked = 1</script><!-- <img src=x onerror="window.hacked = 2"> \u2028 & ' "`

/** Trains runs in `folder` and writes their reports. Returns the paths. */
async function makePages(folder) {
  const { train, report } = require(join(root, 'dist'))
  const { readRun } = require(join(root, 'dist', 'history', 'read.js'))
  const { pageRun } = require(join(root, 'dist', 'report', 'data.js'))
  const { reportPage } = require(join(root, 'dist', 'report', 'html.js'))
  const text = readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => readFileSync(join(root, 'docs', name), 'utf8'))
    .join('\n')
  const options = {
    data: { text },
    preset: 'decoder',
    ...{ layers: 2, heads: 2, embed: 32, blockSize: 32, batchSize: 8 },
    ...{ steps: 200, evalInterval: 25, evalBatches: 4, sampleInterval: 25, sampleTokens: 300 },
    schedule: 'cosine',
    warmup: 20,
    learningRate: 3e-3,
  }
  const runs = [
    { ...options, out: join(folder, 'small') },
    { ...options, out: join(folder, 'muon'), optimizer: 'muon', steps: 150 },
    { ...options, out: join(folder, 'bytes'), tokenizer: 'byte', layers: 3 },
  ]
  for (const run of runs) await (await train(run)).dispose()
  const folders = runs.map(({ out }) => out)
  const automatic = join(folders[0], 'report.html')
  if (!existsSync(automatic)) fail(`train() did not write ${automatic}`)
  const [one, two, three, attacked] = ['one', 'two', 'three', 'attacked'].map((name) =>
    join(folder, `${name}.html`),
  )
  const results = [
    await report(folders[0], { out: one }),
    await report(folders.slice(0, 2), { out: two, timings: false }),
    await report(folders, { out: three, timings: false }),
  ]
  for (const missing of results.flatMap((each) => each.missing)) fail(missing)
  const record = await readRun(folders[0])
  const samples = [{ step: 0, text: hostile }]
  const evil = { ...record, folder: hostile, history: { ...record.history, samples } }
  const losses = {
    step: 0,
    pieces: [
      [hostile, null],
      ['</script>', 1.5],
    ],
  }
  writeFileSync(attacked, reportPage([{ record: evil, extras: { text: losses } }]))
  return { automatic, one, two, three, attacked, name: pageRun(evil).name }
}

// ------------------------------------------------------------------------------------------------
// Checks

const desktop = { viewport: { width: 1280, height: 900 } }
const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }

/** Opens a page from disk, and fails for errors, for requests and for what axe-core finds. */
async function open(browser, path, name, options, use, complain = fail) {
  const context = await browser.newContext({ ...options, offline: true })
  try {
    const page = await context.newPage()
    const url = pathToFileURL(path).href
    page.on('request', (request) => {
      if (request.url() !== url) complain(`${name}: it requests ${request.url()}`)
    })
    page.on('console', (message) => {
      if (message.type() !== 'log') complain(`${name}: the console says: ${message.text()}`)
    })
    page.on('pageerror', (error) => complain(`${name}: ${error.message}`))
    await page.goto(url)
    await page.waitForTimeout(100) // until charts have their size
    const { scroll, width } = await page.evaluate(() => ({
      scroll: document.documentElement.scrollWidth,
      width: document.documentElement.clientWidth,
    }))
    if (scroll > width) complain(`${name}: it is ${scroll} pixels wide in a window of ${width}`)
    await page.evaluate(axe)
    const { violations } = await page.evaluate(() => globalThis.axe.run())
    for (const { id, impact, nodes } of violations) {
      const where = nodes.map(({ target }) => target.join(' ')).join('; ')
      if (['serious', 'critical'].includes(impact)) complain(`${name}: ${id} (${impact}) in ${where}`)
    }
    await use(page)
  } finally {
    await context.close()
  }
}

const shot = (page, name) => page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true })

const expect = (condition, what) => {
  if (!condition) fail(what)
}

/** Whether every chart that is shown has something drawn on it in a series' color. */
const chartsAreDrawn = (page) =>
  page.evaluate(() => {
    const canvases = [...document.querySelectorAll('figure:not([hidden]) canvas')]
    const isDrawn = (canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      let colored = 0
      for (let i = 0; i < data.length; i += 4) {
        const [r, g, b, a] = data.subarray(i, i + 4)
        if (a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 60) colored++
      }
      return colored > 50
    }
    return canvases.length === 4 && canvases.every(isDrawn)
  })

async function useMouse(page) {
  expect(await chartsAreDrawn(page), 'light: a chart is empty')
  for (const label of ['Log', 'Time', 'After 10%', 'Linear', 'Steps', 'All']) {
    await page.locator('#controls label', { hasText: label }).click()
    expect(await chartsAreDrawn(page), `a chart is empty after a click on ${label}`)
  }
  await page.locator('#smoothing').fill('0')
  expect((await page.textContent('#smoothing-value')) === 'none', 'the smoothing cannot be switched off')
  await page.locator('#smoothing').fill('0.6')
  await page.locator('#loss-chart .u-over').hover()
  const key = await page.textContent('#loss-chart .key')
  expect(/at step \d+/.test(key), `pointing at the chart shows no step, but: ${key}`)
  await page.mouse.move(0, 0)

  const slider = page.locator('#sample-slider')
  const sample = page.locator('.sample pre')
  const last = await sample.textContent()
  await slider.fill('0')
  expect((await page.textContent('#sample-step')) === 'Step 0', 'the slider does not show step 0')
  expect((await sample.textContent()) !== last, 'the slider does not change the sample')
  await page.locator('#sample-play').click()
  await page.waitForFunction(() => document.getElementById('sample-step').textContent !== 'Step 0')
  await page.locator('#sample-play').click()
  expect((await page.textContent('#sample-play')) === 'Play', 'the player does not stop')
  await slider.fill(await slider.getAttribute('max'))

  await page.locator('#surprise-tokens > span').nth(5).hover()
  const readout = await page.textContent('#surprise-readout')
  expect(/had a probability of .*: loss \d/.test(readout), `pointing at the text shows: ${readout}`)
  await page.mouse.move(0, 0)
  expect((await page.locator('#time-bars dt').count()) >= 4, 'there are no times of operations')
  const json = JSON.parse(await page.locator('.card .aside pre').textContent())
  expect(json.layers === 2 && json.seed !== undefined, 'the model card has no options')
}

async function useKeyboard(page) {
  await page.keyboard.press('Tab')
  expect(
    await page.evaluate(() => document.activeElement.className === 'skip'),
    'Tab does not begin with the skip link',
  )
  await page.locator('#loss-chart .plot').focus()
  await page.keyboard.press('ArrowLeft')
  const key = await page.textContent('#loss-chart .key')
  expect(/at step \d+/.test(key), `the arrow keys show no step, but: ${key}`)
  await page.locator('#sample-slider').focus()
  const before = await page.textContent('#sample-step')
  await page.keyboard.press('ArrowLeft')
  expect((await page.textContent('#sample-step')) !== before, 'an arrow key does not move the slider')
  await page.locator('#surprise-tokens').focus()
  for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight')
  const readout = await page.textContent('#surprise-readout')
  expect(readout.includes('had a probability'), `the arrow keys show: ${readout}`)
  const reached = await page.evaluate(async () => {
    const wanted = 'a[href], button, input, summary, [tabindex="0"]'
    return [...document.querySelectorAll(wanted)].filter((each) => each.tabIndex < 0).length
  })
  expect(reached === 0, `${reached} controls cannot be reached with the Tab key`)
}

/** The lightness of the page's background, from 0 to 255. */
const background = (page) =>
  page.evaluate(() => {
    const numbers = getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g)
    return numbers.slice(0, 3).reduce((sum, each) => sum + Number(each), 0) / 3
  })

async function usePaper(page, name) {
  // After the page's own listener.
  const seen = page.evaluate(
    () =>
      new Promise((found) => {
        addEventListener('beforeprint', () => {
          const canvases = [...document.querySelectorAll('figure:not([hidden]) canvas')]
          found({
            widths: canvases.map((each) => each.clientWidth),
            isLight: document.documentElement.classList.contains('printing'),
            isOpen: document.querySelector('.card .aside').open,
          })
        })
      }),
  )
  const pdf = await page.pdf({ path: join(screenshots, `${name}.pdf`), format: 'A4' })
  const { widths, isLight, isOpen } = await seen
  expect(pdf.subarray(0, 5).toString() === '%PDF-', `${name}: there is no PDF`)
  expect(widths.length === 4 && Math.max(...widths) <= 680, `${name}: charts are ${widths} pixels wide`)
  expect(isLight && isOpen, `${name}: the page was not prepared for paper`)
}

async function check(browser, pages) {
  await open(browser, pages.one, 'light', desktop, async (page) => {
    await useMouse(page)
    expect((await background(page)) > 200, 'light: the page is dark')
    await shot(page, 'light')
    await usePaper(page, 'print')
    expect(await chartsAreDrawn(page), 'a chart is empty after printing')
  })
  await open(browser, pages.one, 'keyboard', { ...desktop, reducedMotion: 'reduce' }, async (page) => {
    await useKeyboard(page)
    const scrolling = await page.evaluate(() => getComputedStyle(document.documentElement).scrollBehavior)
    expect(scrolling === 'auto', `with reduced motion, scrolling is ${scrolling}`)
  })
  await open(browser, pages.one, 'dark', { ...desktop, colorScheme: 'dark' }, async (page) => {
    expect((await background(page)) < 60, 'dark: the page is light')
    expect(await chartsAreDrawn(page), 'dark: a chart is empty')
    await shot(page, 'dark')
    await usePaper(page, 'print-dark')
    await page.emulateMedia({ colorScheme: 'light' })
    expect((await background(page)) > 200, 'the page does not follow the color scheme')
  })
  await open(browser, pages.one, 'phone', phone, (page) => shot(page, 'phone'))
  await open(browser, pages.automatic, 'after training', desktop, async (page) => {
    expect(
      (await page.locator('#surprise-tokens > span').count()) > 10,
      'after training: there is no validation text',
    )
    await shot(page, 'after-training')
  })
  await open(browser, pages.two, 'two runs', desktop, async (page) => {
    const rows = await page.locator('#results tbody tr').count()
    expect(rows === 2, `two runs: the table has ${rows} rows`)
    const differing = await page.textContent('#differences')
    expect(/optimizer\s*adamw\s*muon/.test(differing), `two runs: the options differ in ${differing}`)
    expect(await chartsAreDrawn(page), 'two runs: a chart is empty')
    const pressed = () =>
      page.locator('#loss-chart .key button').evaluateAll((all) => all.map((each) => each.ariaPressed).join())
    await page.locator('#loss-chart .key button').nth(1).click()
    expect((await pressed()) === 'false,true', `two runs: highlighted are ${await pressed()}`)
    await page.keyboard.press('Enter')
    expect((await pressed()) === 'false,false', `two runs: still highlighted are ${await pressed()}`)
    await shot(page, 'two-runs')
  })
  await open(browser, pages.three, 'three runs', { ...desktop, colorScheme: 'dark' }, async (page) => {
    expect(
      (await page.textContent('#results')).includes('bits per byte'),
      'three runs: losses are not in bits per byte',
    )
    await page.locator('#surprise-runs label').nth(2).click()
    await shot(page, 'three-runs-dark')
  })
  await open(browser, pages.three, 'three runs on a phone', phone, (page) => shot(page, 'three-runs-phone'))
  await open(browser, pages.attacked, 'hostile texts', desktop, async (page) => {
    expect(
      (await page.evaluate(() => window.hacked)) === undefined,
      'hostile texts: a script of a sample ran',
    )
    expect((await page.locator('script').count()) === 3, 'hostile texts: there are other scripts')
    expect((await page.textContent('.sample pre')) === hostile, 'hostile texts: the sample has changed')
    expect((await page.textContent('#title')) === pages.name, 'hostile texts: the title has changed')
  })
}

/** A page with a mistake of each kind. Every check of `open` must complain about it. */
async function prove(browser, folder) {
  const path = join(folder, 'broken.html')
  writeFileSync(
    path,
    `<!doctype html><html><title>broken</title><img src="other.png"><p style="width: 3000px">wide</p>
    <script>console.error('wrong'); setTimeout(() => missing())</script>`,
  )
  const complaints = []
  await open(
    browser,
    path,
    'broken',
    desktop,
    async () => {},
    (what) => complaints.push(what),
  )
  const kinds = [
    /requests .*other\.png/,
    /console says: wrong/,
    /missing is not defined/,
    /pixels wide/,
    /html-has-lang/,
  ]
  for (const kind of kinds)
    expect(
      complaints.some((each) => kind.test(each)),
      `nothing complains of ${kind} in a broken page`,
    )
}

async function main() {
  mkdirSync(screenshots, { recursive: true })
  const pages = await makePages(tools)
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args })
  try {
    await check(browser, pages)
    await prove(browser, tools)
  } finally {
    await browser.close()
  }
  console.log(failures.count === 0 ? 'reports in Chromium: all good' : `${failures.count} failures`)
  process.exitCode = failures.count === 0 ? 0 : 1
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
