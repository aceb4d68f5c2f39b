// What of a folder that was dropped or chosen is not sent, and why.

/** Whether a file or folder is left out by its name. */
export const isHidden = (name) => name.startsWith(".");

/** What is said of it; "" where nothing was left out.
 * @param hidden how many have a name that begins with a dot.
 * @param unread how many the browser cannot read. */
export function leftOut({ hidden = 0, unread = 0 }) {
  const count = (number, one) => `${number.toLocaleString("en")} ${number === 1 ? `${one} was` : `${one}s were`} left out`;
  return [
    hidden && `${count(hidden, "file or folder").replace("file or folders", "files or folders")}: ${hidden === 1 ? "its name begins" : "their names begin"} with a dot.`,
    unread && `${count(unread, "file")}: the browser cannot read ${unread === 1 ? "it, as it is with a link" : "them, as it is with links"} or where permission is missing.`,
  ].filter(Boolean).join(" ");
}
