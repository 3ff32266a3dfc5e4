// A hostile page in the same browser.

const { createServer } = require('node:http')
const { equal } = require('./tools')

/** A page of another origin must neither read nor change anything. */
module.exports = async (browser, studio) => {
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
