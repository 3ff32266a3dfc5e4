// Uses a run with the keyboard only.

const { expect, isFocused, tabTo } = require('./tools')

module.exports = async (page) => {
  // After a reload, the newest step is marked at the right end of the curve.
  await page.waitForFunction(() => {
    const mark = document.querySelector('.curve .mark')
    return mark && Number.parseFloat(mark.style.left) > mark.closest('.u-over').clientWidth - 2
  })
  await page.keyboard.press('Tab')
  expect(await isFocused(page, '.skip'), 'Tab does not begin with the skip link')
  await tabTo(page, '.views a[href$=writing]', 'the view of its writing')
  await page.keyboard.press('Enter')
  await tabTo(page, '.slider', 'the slider of the steps')
  await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('End')
  await tabTo(page, '#prompt', 'the beginning of a text')
  await tabTo(page, '.bar', 'the bars')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.try mark')
  await tabTo(page, '#seed', 'the seed')
}
