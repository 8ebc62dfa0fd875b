"use strict";
// Sheets as text: CSV as Chorus writes it, and as spreadsheets of any language save it.
const csv = (() => {
  // Spreadsheets run a text that begins like a formula. An apostrophe before it makes it a text; numbers stay. As in pipeline/text.
  const FORMULA = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
  const NUMBER = /^[+-]?(\d[\d:]*|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)$/i;
  const harmless = (text) => (FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text);
  const asTyped = (text) => (text.startsWith("'") && FORMULA.test(text.slice(1)) ? text.slice(1) : text);
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  // Fields of a CSV file, as a spreadsheet of any language saves it.
  function parse(text) {
    const head = text.split(/\r?\n/, 1)[0];
    const count = (mark) => head.split(mark).length;
    const mark = [",", ";", "\t"].reduce((best, next) => (count(next) > count(best) ? next : best));
    const found = [];
    let row = [], at = 0;
    text = text.replace(/^\ufeff/, "");
    while (at < text.length) {
      let value = "";
      if (text[at] === '"') {
        for (at += 1; at < text.length; at += 1) {
          if (text[at] !== '"') value += text[at];
          else if (text[at + 1] === '"') { value += '"'; at += 1; }
          else { at += 1; break; }
        }
      }
      while (at < text.length && text[at] !== mark && text[at] !== "\n" && text[at] !== "\r") { value += text[at]; at += 1; }
      row.push(value);
      if (text[at] === mark) {
        at += 1;
        if (at < text.length) continue;
        row.push("");
      }
      if (text[at] === "\r" && text[at + 1] === "\n") at += 1;
      at += 1;
      found.push(row);
      row = [];
    }
    return found;
  }

  // Words for a verdict, in lower case.
  const VERDICTS = new Map(Object.entries({
    yes: "yes", y: "yes", 1: "yes", true: "yes", no: "no", n: "no", 0: "no", false: "no", unsure: "unsure", u: "unsure", "?": "unsure", maybe: "unsure", "": "",
  }));

  // Rows of texts, quoted where they have to be, and none a formula.
  const text = (rows) => rows.map((row) => row.map((field) => quoted(harmless(field))).join(",") + "\n").join("");

  return { text, parse, asTyped, VERDICTS };
})();
