// Choosing files, a folder or the address of a page to add.

import { $, $$ } from "./base.js";
import { addAddress, send } from "./uploading.js";

for (const button of $$("[data-choose]")) button.addEventListener("click", () => $(`#${button.dataset.choose}`).click());
for (const input of [$("#files"), $("#folder")]) {
  input?.addEventListener("change", () => {
    send([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    input.value = "";
  });
}
$("#address")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = $("#address input[name=url]");
  if (await addAddress(field.value)) field.value = "";
});
