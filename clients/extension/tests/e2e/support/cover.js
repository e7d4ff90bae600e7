// What a page lays over the dialog (pages.js, overlay).

/** Covers the open dialog, which was long in sight, and waits until the browser has drawn and told it. */
export async function coverDialog(browser) {
  await browser.waitForDialog();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await browser.evaluate(() => new Promise((resolve) => {
    document.getElementById("cover").showPopover();
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => resolve(true), 500)));
  }));
}
