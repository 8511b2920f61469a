// Saves a screenshot of an export once it is drawn. Exits with status 1 if the browser complained.
//
//   node test/screenshot.mjs EXPORT_FOLDER OUT.png [WIDTHxHEIGHT]

import { launch, noBrowser, openExport, whenDrawn } from "./support/browser.mjs";

const [folder, output, size = "1280x800"] = process.argv.slice(2);
const dimensions = /^(\d+)x(\d+)$/.exec(size);
if (folder === undefined || output === undefined || dimensions === null) {
  console.error("usage: node test/screenshot.mjs EXPORT_FOLDER OUT.png [WIDTHxHEIGHT]");
  process.exit(2);
}
if (noBrowser) {
  console.error(noBrowser);
  process.exit(2);
}

const browser = await launch();
try {
  const { page, complaints } = await openExport(browser, folder, {
    width: Number(dimensions[1]),
    height: Number(dimensions[2]),
  });
  try {
    await whenDrawn(page);
  } catch (error) {
    complaints.push(`not all drawn: ${error.message}`);
  }
  await page.screenshot({ path: output });
  for (const selector of ["#notice", "#message"]) {
    const text = await page.locator(selector).textContent();
    if (text !== "") {
      complaints.push(`the page says: ${text}`);
    }
  }
  complaints.forEach((complaint) => console.error(complaint));
  process.exitCode = complaints.length === 0 ? 0 : 1;
} finally {
  await browser.close();
}
