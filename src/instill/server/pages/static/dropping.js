// Files and folders that are dropped anywhere on the page are uploaded from it.

import { $, say, told } from "./base.js";
import { isHidden, leftOut } from "./left_out.js";
import { send } from "./uploading.js";

let depth = 0;
const over = (now) => { depth = now; document.body.classList.toggle("over", depth > 0); };
const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");

document.addEventListener("dragenter", (event) => { if (holdsFiles(event)) over(depth + 1); });
document.addEventListener("dragleave", (event) => { if (holdsFiles(event)) over(Math.max(0, depth - 1)); });
document.addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
document.addEventListener("drop", async (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  over(0);
  if (!$("#sent")) {
    await told("Your key does not add documents: ask the owner of this workspace.");
    return;
  }
  const files = [...event.dataTransfer.files].map((file) => ({ file, path: file.name }));
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return send(files);
  const found = [];
  const left = { hidden: 0, unread: 0 };
  for (const entry of entries) await walk(entry, found, left);
  if (found.length) send(found, leftOut(left));
  else say($("#said"), ["There is no file in it that is added.", leftOut(left)].filter(Boolean).join(" "), true);
});

/** The files of a dropped entry; a folder is read in portions of a hundred. `left` counts what is left out. */
async function walk(entry, found, left) {
  if (isHidden(entry.name)) {
    left.hidden++;
    return;
  }
  if (entry.isFile) {
    const file = await new Promise((resolve) => { entry.file(resolve, () => resolve(null)); });
    if (file) found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    else left.unread++;
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const part = await new Promise((resolve) => { reader.readEntries(resolve, () => { left.unread++; resolve([]); }); });
    if (!part.length) return;
    for (const each of part) await walk(each, found, left);
  }
}
