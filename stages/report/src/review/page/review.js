// The page on which clips are judged. `data` is what review/page/mod.rs puts beside this script.
(() => {
  const { of, element, address, share } = dom;
  const data = JSON.parse(document.getElementById("data").textContent);
  const column = Object.fromEntries(data.columns.map((name, i) => [name, i]));
  const field = (at, name) => data.clips[at].row[column[name]];
  const names = new Map(data.classes.map((named) => [named.class, named]));
  const VERDICTS = ["yes", "no", "unsure"];
  const OPEN = Object.freeze({ verdict: "", notes: "", others: Object.freeze([]) });
  const UNDOS = 500;
  const STORED = `chorus-review-${data.key}`;

  // What was said of each clip. Its values are never changed, only replaced, so that a copy of the list is a state to go back to.
  let judged = data.clips.map(() => OPEN);
  let past = [];
  let current = 0;
  let isSaved = true, isKept = true;

  // ---- Sheets.

  function rows() {
    return data.clips.flatMap((clip, at) => {
      const own = [...clip.row];
      own[column.verdict] = judged[at].verdict;
      own[column.notes] = judged[at].notes;
      return [own, ...judged[at].others.map((other) => added(clip.row, other))];
    });
  }

  // The row of another class that somebody heard in a clip. The model was not asked about it.
  function added(row, other) {
    const own = [...row];
    for (const name of ["score", "score_bin", "threshold", "probability", "notes"]) own[column[name]] = "";
    own[column.class] = other;
    own[column.scientific_name] = names.get(other)?.scientific ?? other;
    own[column.strata] = "added";
    own[column.bin_detections] = "0";
    own[column.verdict] = "yes";
    return own;
  }

  const sheet = () => csv.text([data.columns, ...rows()]);

  // Takes verdicts from a saved sheet. Clips that it does not name stay as they are.
  function take(text) {
    const [head = [], ...lines] = csv.parse(text);
    const at = Object.fromEntries(head.map((name, i) => [name.trim(), i]));
    const lacking = ["clip", "class", "verdict"].filter((name) => at[name] === undefined);
    if (lacking.length) throw new Error(`The file has no column ${lacking.join(", ")}. Choose a sheet that this page saved.`);
    const clips = new Map(data.clips.map((clip, i) => [clip.row[column.clip], i]));
    const taken = [...judged], met = new Set();
    let strangers = 0, unread = 0;
    for (const line of lines.filter((line) => line.some((text) => text.trim()))) {
      const text = (name) => csv.asTyped((line[at[name]] ?? "").trim());
      const clip = clips.get(text("clip"));
      if (clip === undefined) { strangers += 1; continue; }
      if (!met.has(clip)) { met.add(clip); taken[clip] = OPEN; }
      const verdict = csv.VERDICTS.get(text("verdict").toLowerCase());
      if (verdict === undefined) unread += 1;
      else if (text("class") === field(clip, "class")) taken[clip] = { ...taken[clip], verdict, notes: text("notes") };
      else if (verdict === "yes" && !taken[clip].others.includes(text("class"))) taken[clip] = { ...taken[clip], others: [...taken[clip].others, text("class")] };
    }
    if (!met.size) throw new Error("No row of the file is about a clip of this page. Choose the sheet of this folder.");
    change(taken, current);
    const doubts = [[strangers, "rows are about other clips"], [unread, "verdicts could not be read"]].filter(([n]) => n).map(([n, what]) => `${n} ${what}`);
    say([`Verdicts of ${met.size} clips loaded`, ...doubts].join("; "));
    warn(doubts.length ? `Of the loaded sheet ${doubts.join(", and ")}.` : "");
  }

  // ---- State: change, undo, keep.

  function change(next, at) {
    past.push({ judged, at: current });
    past = past.slice(-UNDOS);
    judged = next;
    isSaved = false;
    keep();
    show(at);
  }

  function replace(at, value) {
    const next = [...judged];
    next[at] = Object.freeze(value);
    return next;
  }

  function undo() {
    const last = past.pop();
    if (!last) { say("Nothing to undo"); return; }
    judged = last.judged;
    isSaved = false;
    keep();
    if (!visible().includes(last.at)) of("open-only").checked = false;
    if (!visible().includes(last.at)) of("of-class").value = "";
    show(last.at);
    say("Undone");
  }

  function keep() {
    const said = Object.fromEntries(judged.map((value, at) => [at, value]).filter(([, value]) => value !== OPEN));
    try {
      localStorage.setItem(STORED, JSON.stringify(said));
    } catch {
      isKept = false;
      warn("This browser does not keep verdicts between visits. Save the sheet before you close the page.");
    }
  }

  function recall() {
    try {
      const said = JSON.parse(localStorage.getItem(STORED) ?? "{}");
      judged = judged.map((open, at) => {
        const value = said[at];
        if (!value || !["", ...VERDICTS].includes(value.verdict) || !Array.isArray(value.others)) return open;
        return { verdict: value.verdict, notes: String(value.notes ?? ""), others: value.others.map(String) };
      });
    } catch {
      // What cannot be read was not kept.
    }
  }

  // ---- Verdicts.

  function judge(verdict) {
    if (!visible().length) return;
    const at = current;
    const following = after(at, 1);
    change(replace(at, { ...judged[at], verdict }), following);
    say(`${field(at, "class")}: ${verdict}. ${following === at ? "This is the last clip" : told(following)}`);
  }

  function add(other) {
    const own = judged[current];
    if (own.others.includes(other) || other === field(current, "class")) { say(`${other} is on this clip already`); return; }
    change(replace(current, { ...own, others: [...own.others, other] }), current);
    say(`${other} added with the verdict yes`);
  }

  function remove(other) {
    change(replace(current, { ...judged[current], others: judged[current].others.filter((name) => name !== other) }), current);
    say(`${other} removed`);
  }

  // ---- Which clips are shown.

  const isOpen = (at) => judged[at].verdict === "";

  function visible() {
    const wanted = of("of-class").value;
    return data.clips.map((_, at) => at).filter((at) => (!wanted || field(at, "class") === wanted) && (!of("open-only").checked || isOpen(at) || at === current));
  }

  // The next clip of the selection in a direction, or the same one at its end.
  function after(at, step) {
    const list = visible();
    const next = step > 0 ? list.find((other) => other > at) : list.findLast((other) => other < at);
    return next ?? at;
  }

  function move(step) {
    const next = after(current, step);
    if (next === current) { say(step > 0 ? "This is the last clip" : "This is the first clip"); return; }
    show(next);
    say(told(next));
  }

  function select() {
    const list = visible().filter((at) => !of("open-only").checked || isOpen(at));
    show(list.includes(current) ? current : list[0] ?? current, !list.length);
    say(`${list.length} clips`);
  }

  const told = (at) => `Clip ${at + 1} of ${data.clips.length}, ${field(at, "class")}${judged[at].verdict ? `, judged ${judged[at].verdict}` : ""}`;

  // ---- Drawing.

  let shown = -1;

  function show(at, isEmpty = false) {
    current = at;
    of("clip").hidden = isEmpty || !data.clips.length;
    of("nothing").hidden = !of("clip").hidden;
    if (!of("clip").hidden) {
      if (shown !== at) draw(at);
      drawVerdict(at);
    } else {
      of("audio").pause();
    }
    drawCounts();
  }

  function draw(at) {
    shown = at;
    const clip = data.clips[at], file = field(at, "clip");
    const named = names.get(field(at, "class"));
    of("code").textContent = field(at, "class");
    of("names").textContent = [named?.english, named?.scientific].filter((name) => name && name !== field(at, "class")).join(", ");
    of("position").textContent = `${at + 1} of ${data.clips.length}`;
    const [start, end] = clip.span;
    of("picture").src = address(file.replace(/\.wav$/, ".png"));
    of("picture").alt = `Spectrogram of ${clip.length.toFixed(1)} s, up to ${+clip.khz.toFixed(1)} kHz. The span to judge is second ${start.toFixed(1)} to ${end.toFixed(1)}.`;
    of("plot").querySelector(".before").style.width = share(start / clip.length);
    of("plot").querySelector(".after").style.width = share(Math.max(0, 1 - end / clip.length));
    Object.assign(of("plot").querySelector(".span").style, { left: share(start / clip.length), width: share((end - start) / clip.length) });
    axes.draw(clip);
    const facts = [["Site", field(at, "site")], ["Time", field(at, "start_local").replace("T", " ").replace(/\.\d+$/, "")], ["Recording", `${field(at, "recording")}, second ${(+field(at, "start_s")).toFixed(1)} to ${(+field(at, "end_s")).toFixed(1)}`], ["Score", `${(+field(at, "score")).toFixed(3)}, threshold ${(+field(at, "threshold")).toFixed(3)}`], ["Chosen as", field(at, "strata").replaceAll("+", ", ")]];
    of("facts").replaceChildren(...facts.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
    const audio = of("audio");
    audio.src = address(file);
    of("cursor").hidden = true;
    if (of("autoplay").checked && navigator.userActivation?.hasBeenActive !== false) audio.play().catch(() => {});
    const following = after(at, 1);
    if (following !== at) new Image().src = address(field(following, "clip").replace(/\.wav$/, ".png"));
  }

  function drawVerdict(at) {
    for (const verdict of VERDICTS) of(verdict).setAttribute("aria-pressed", judged[at].verdict === verdict);
    of("notes").value = judged[at].notes;
    of("others").replaceChildren(...judged[at].others.map((other) => {
      const item = element("li", other);
      item.append(element("button", "×", { type: "button", ariaLabel: `Remove ${other}`, onclick: () => remove(other) }));
      return item;
    }));
    of("undo").disabled = !past.length;
    of("previous").disabled = after(at, -1) === at;
    of("next").disabled = after(at, 1) === at;
  }

  function drawCounts() {
    const counts = new Map();
    data.clips.forEach((_, at) => {
      const own = counts.get(field(at, "class")) ?? { yes: 0, no: 0, unsure: 0, open: 0 };
      own[judged[at].verdict || "open"] += 1;
      counts.set(field(at, "class"), own);
    });
    const all = [...counts.values()].reduce((sum, own) => VERDICTS.map((verdict, i) => sum[i] + own[verdict]), [0, 0, 0]);
    const done = all.reduce((sum, n) => sum + n, 0), total = data.clips.length;
    all.forEach((n, i) => { of("bar").children[i].style.width = share(total ? n / total : 0); });
    of("bar").setAttribute("aria-valuemax", total);
    of("bar").setAttribute("aria-valuenow", done);
    const others = judged.reduce((sum, own) => sum + own.others.length, 0);
    of("progress").textContent = `${done} of ${total} judged${others ? `, ${others} added` : ""}${isSaved ? "" : ", not saved"}`;
    of("classes").replaceChildren(...[...counts].map(([name, own]) => {
      const line = element("tr", "", { className: name === of("of-class").value ? "chosen" : "" });
      const head = element("th", "", { scope: "row" });
      head.append(element("button", name, { type: "button", title: `Show only ${name}`, onclick: () => choose(name) }));
      line.append(head, ...[...VERDICTS, "open"].map((verdict) => element("td", own[verdict], { className: verdict })));
      return line;
    }));
  }

  function choose(name) {
    of("of-class").value = of("of-class").value === name ? "" : name;
    select();
  }

  function say(text) { of("live").textContent = text; }

  function warn(text) {
    of("warning").textContent = text;
    of("warning").hidden = !text;
  }

  // ---- Sound.

  function play() {
    const audio = of("audio");
    if (of("clip").hidden) return;
    if (audio.paused) audio.play().catch(() => warn(`${field(current, "clip")} cannot be played: it is not beside this page, or the browser does not know its format.`));
    else audio.pause();
  }

  function follow() {
    const audio = of("audio"), clip = data.clips[current];
    of("cursor").hidden = audio.paused && audio.currentTime === 0;
    of("cursor").style.left = share(Math.min(1, audio.currentTime / clip.length));
    if (!audio.paused) requestAnimationFrame(follow);
  }

  // ---- Another class.

  let matches = [], chosen = 0;

  function ask() {
    if (of("clip").hidden) return;
    of("search").value = "";
    match();
    of("other").showModal();
    of("search").focus();
  }

  function match() {
    const text = of("search").value.trim().toLowerCase();
    const words = (named) => [named.class, named.english, named.scientific].map((name) => name.toLowerCase());
    const rank = (named) => (words(named).some((word) => word.startsWith(text)) ? 0 : 1);
    matches = data.classes.filter((named) => named.class !== field(current, "class") && words(named).some((word) => word.includes(text)));
    matches.sort((a, b) => rank(a) - rank(b));
    chosen = 0;
    of("matches").replaceChildren(...matches.map((named, i) => {
      const item = element("li", `${named.class} `, { id: `match-${i}`, role: "option", onclick: () => accept(i) });
      item.append(element("small", [named.english, named.scientific].filter((name) => name && name !== named.class).join(", ")));
      return item;
    }));
    mark();
  }

  function mark() {
    [...of("matches").children].forEach((item, i) => item.setAttribute("aria-selected", i === chosen));
    of("matches").children[chosen]?.scrollIntoView({ block: "nearest" });
    of("search").setAttribute("aria-activedescendant", matches.length ? `match-${chosen}` : "");
  }

  function accept(i) {
    if (!matches[i]) return;
    of("other").close();
    add(matches[i].class);
  }

  of("search").addEventListener("input", match);
  of("search").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && matches.length) { chosen = (chosen + step + matches.length) % matches.length; mark(); }
    if (event.key === "Enter") accept(chosen);
    if (step || event.key === "Enter") event.preventDefault();
  });

  // ---- Files.

  function save() {
    const link = element("a", "", { href: URL.createObjectURL(new Blob([sheet()], { type: "text/csv" })), download: data.file });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    isSaved = true;
    drawCounts();
    say("Sheet saved");
  }

  of("file").addEventListener("change", async () => {
    const [file] = of("file").files;
    try {
      if (file) take(await file.text());
    } catch (error) {
      warn(error.message);
    }
    of("file").value = "";
  });

  // ---- Keys and buttons.

  const actions = { play, yes: () => judge("yes"), no: () => judge("no"), unsure: () => judge("unsure"), add: ask, undo, previous: () => move(-1), next: () => move(1), save, load: () => of("file").click(), ask: () => of("help").showModal(), close: () => of("help").close(), cancel: () => of("other").close() };
  const keys = { " ": "play", y: "yes", n: "no", u: "unsure", c: "add", z: "undo", k: "previous", ArrowLeft: "previous", j: "next", ArrowRight: "next", s: "save", "?": "ask" };
  for (const [id, action] of Object.entries(actions)) of(id).addEventListener("click", action);

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input[type=text], select");
    if (event.key === "Escape" && isTyping) event.target.blur();
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    // On a button or a box that was reached by keyboard, the space bar means that button.
    if (!action || (event.key === " " && event.target.matches("button, input"))) return;
    event.preventDefault();
    if (!event.repeat || action === "previous" || action === "next") actions[action]();
  });
  // A button that was pressed with the mouse does not keep the space bar.
  document.addEventListener("click", (event) => { if (event.detail > 0) event.target.closest?.("button, input[type=checkbox]")?.blur(); });

  of("plot").addEventListener("click", (event) => {
    const box = of("plot").getBoundingClientRect();
    of("audio").currentTime = ((event.clientX - box.left) / box.width) * data.clips[current].length;
    if (of("audio").paused) play();
    follow();
  });
  of("notes").addEventListener("change", () => change(replace(current, { ...judged[current], notes: of("notes").value.trim() }), current));
  of("filter").addEventListener("submit", (event) => event.preventDefault());
  of("of-class").addEventListener("change", select);
  of("open-only").addEventListener("change", select);
  for (const name of ["play", "pause", "ended", "seeked"]) of("audio").addEventListener(name, follow);
  for (const name of ["play", "pause", "ended"]) of("audio").addEventListener(name, () => { of("playing").textContent = of("audio").paused ? "Play" : "Pause"; });
  addEventListener("resize", () => { if (!of("clip").hidden) axes.draw(data.clips[current]); });
  addEventListener("beforeunload", (event) => { if (!isSaved && !isKept) event.preventDefault(); });

  // ---- Begin.

  const [width, height] = data.picture, [left, above, columns, bands] = data.spectrogram;
  of("plot").style.setProperty("--aspect", `${columns} / ${bands}`);
  Object.assign(of("picture").style, { left: share(-left / columns), top: share(-above / bands), width: share(width / columns), height: share(height / bands) });
  const present = [...new Set(data.clips.map((_, at) => field(at, "class")))];
  of("of-class").append(element("option", "all", { value: "" }), ...present.map((name) => element("option", name, { value: name })));
  document.title = `Review of ${data.clips.length} clips`;
  recall();
  const first = judged.findIndex((value) => value.verdict === "");
  show(Math.max(0, first));
})();
