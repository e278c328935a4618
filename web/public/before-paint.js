/* before-paint.js - Theme and language of the last visit, set before the first paint so that nothing
 * flashes. A file of its own because the content policy allows no inline script. */
function kwRead(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

(function () {
  var root = document.documentElement;
  var theme = kwRead('kw.theme');
  var dark = theme === 'dark' || (theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.dataset.theme = dark ? 'dark' : 'light';
  root.lang = kwRead('kw.locale') || (navigator.language.slice(0, 2) === 'ru' ? 'ru' : 'en');
})();
