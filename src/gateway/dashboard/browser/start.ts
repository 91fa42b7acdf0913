/** How long after a part of the page was lost it is loaded again: a phone goes from one network to the other. */
const againMs = 2000;

// A script that did not come is not asked for again, but by a page that is loaded anew.
import('./page.ts').catch((error: unknown) => {
  console.error(error);
  document.body.textContent = 'Not all of this page could be loaded. It is loaded again in 2 seconds.';
  setTimeout(() => location.reload(), againMs);
});
