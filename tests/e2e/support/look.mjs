// look.mjs - What an eye would see at once and no rule of axe does: words that are cut, words that nobody
// translated, a page wider than its window. The function runs in the page.

/** {clipped: texts that do not fit into what holds them, foreign: phrases in plain small letters, wide: px}. */
export function look() {
  const shown = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && element.closest('.sr-only, [hidden]') === null;
  const clipped = [];
  for (const element of document.querySelectorAll('button, a, h1, h2, h3, label, [role=tab], [role=menuitem], [role=columnheader], dt, legend, th')) {
    const style = getComputedStyle(element);
    if (!shown(element) || style.overflowX === 'visible' || element.title !== '') continue;
    if (element.scrollWidth > element.clientWidth + 1) clipped.push(`${element.tagName} ${element.textContent.slice(0, 60)} (${element.scrollWidth} in ${element.clientWidth})`);
  }
  const foreign = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (element === null || !shown(element) || element.closest('[data-row], [data-testid=node], [data-name], kbd, svg, canvas, code, option') !== null) continue;
    const text = node.textContent.trim();
    if (/[a-z]{3}\s[a-z]{2,}/u.test(text)) foreign.push(text.slice(0, 80)); // a phrase in plain small letters
  }
  return { clipped, foreign, wide: document.documentElement.scrollWidth - window.innerWidth };
}
