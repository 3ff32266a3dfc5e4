// Takes one step apart: goes through its parts, chooses weights, looks closer, and changes the learning rate.

const { equal, expect, isFocused, openView } = require('./tools')

const numberIn = (text) => Number(text.replace('−', '-').replace(/[^-\d.]/g, ''))

module.exports = async (page) => {
  await openView(page, 'One step')
  const begun = Date.now()
  await page.waitForSelector('.step-parts')
  console.log(`one step is taken apart after ${Date.now() - begun} ms`)
  const heading = () => page.textContent('.one h3')
  const next = () => page.click('.slow .button.primary')
  equal(await heading(), '1. Guess: the forward pass', 'the first part')
  expect((await page.$$('.one .heat')).length > 8, 'the text is missing')

  await next()
  expect(await isFocused(page, '#part-1'), 'Next does not lead the keyboard to the part')
  const loss = numberIn(await page.textContent('.one .formula strong'))
  const rows = await page.$$eval('.one tbody tr', (all) => all.map((row) => row.textContent))
  for (const row of rows) {
    const [, chance, nats] = /−ln (\S+) = (\S+)$/.exec(row)
    expect(Math.abs(-Math.log(Number(chance)) - Number(nats)) < 0.01, `a loss is wrong: ${row}`)
  }

  await next()
  const slope = () => page.textContent('.one .big strong')
  const steepest = await slope()
  await page.selectOption('#step-part', 'blocks.0.attention.value.weight')
  await page.waitForFunction(
    (old) => document.querySelector('.one .big strong').textContent !== old,
    steepest,
  )
  const chosen = await slope()
  expect(
    Math.abs(numberIn(chosen)) <= Math.abs(numberIn(steepest)),
    'another weight is steeper than the steepest',
  )
  const row = await page.inputValue('#step-row')
  await page.fill('#step-row', row === '0' ? '1' : '0')
  await page.keyboard.press('Enter')
  await page.waitForFunction((old) => document.querySelector('.one .big strong').textContent !== old, chosen)
  await page.fill('#step-row', '99999')
  await page.keyboard.press('Enter')
  expect((await page.inputValue('#step-row')) !== '99999', 'a row that is not there is accepted')

  await next()
  expect(
    /agree in \d digits|exactly 0/.test(await page.textContent('.one .big')),
    'the slope is not confirmed',
  )
  const ends = () => page.textContent('.ends:not(.vertical)')
  const wide = await ends()
  await page.locator('.segments input').nth(2).check({ force: true })
  await page.waitForFunction(
    (old) => document.querySelector('.ends:not(.vertical)').textContent !== old,
    wide,
  )
  expect(
    /agree in \d digits|exactly 0/.test(await page.textContent('.one .big')),
    'looking closer changes the slope',
  )

  await next()
  expect(await page.isDisabled('.slow .button.primary'), 'there is a part after the last one')
  const after = () => page.textContent('.one .big strong')
  const usual = numberIn(await after())
  expect(usual < loss, `a small step makes the loss larger: ${loss} → ${usual}`)
  await page.focus('#rate')
  await page.keyboard.press('End')
  const far = await after()
  expect(!(numberIn(far) < usual), 'a huge step is better than a small one')

  await page.click('text=All five at once')
  equal(await page.locator('.one').count(), 5, 'the parts at once')
  await page.click('.step-parts .step-part >> nth=3')
  equal(await heading(), '4. Check: a finite difference', 'the part after a click')

  // Of an earlier step only the weights are kept, until it is rebuilt.
  await page.fill('#moment', '2,700')
  await page.keyboard.press('Enter')
  await page.click('.slow >> text="Rebuild step 2,700"')
  await page.waitForFunction(() =>
    document.querySelector('.slow p.muted').textContent.includes('after step 2,700'),
  )
  await page.click('text=Newest')
  await page.waitForFunction(() =>
    document.querySelector('.slow p.muted').textContent.includes('after step 6,000'),
  )
}
