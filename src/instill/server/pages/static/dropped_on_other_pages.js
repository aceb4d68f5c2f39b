// Files that are dropped on a page where documents are not added go to the page where they are.

document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.types.includes("Files")) location.assign("/documents");
});
