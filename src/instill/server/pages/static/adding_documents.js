// Choosing files, a folder or the address of a page to add.

import { $, $$, say } from "./base.js";
import { isHidden, leftOut } from "./left_out.js";
import { addAddress, send } from "./uploading.js";

for (const button of $$("[data-choose]")) button.addEventListener("click", () => $(`#${button.dataset.choose}`).click());
for (const input of [$("#files"), $("#folder")]) {
  input?.addEventListener("change", () => {
    const chosen = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
    const kept = input.id === "folder" ? chosen.filter(({ path }) => !path.split("/").slice(1).some(isHidden)) : chosen;
    const said = leftOut({ hidden: chosen.length - kept.length });
    if (kept.length) send(kept, said);
    else say($("#said"), said, true);
    input.value = "";
  });
}
$("#address")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = $("#address input[name=url]");
  if (await addAddress(field.value)) field.value = "";
});
