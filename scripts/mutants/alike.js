/** Rows that are judged alike, except for those that have their own setting. */
const alike = (how, ...rows) => rows.map(([what, from, to, own = how]) => [what, from, to, own])

module.exports = { alike }
