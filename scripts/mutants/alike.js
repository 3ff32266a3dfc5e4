/** Rows that are judged alike, but for those that say how themselves. */
const alike = (how, ...rows) => rows.map(([what, from, to, own = how]) => [what, from, to, own])

module.exports = { alike }
