// The behaviour of the console: keys, command menu, lists, peek, confirmation, live updates.
// No page needs its own script: everything is said by attributes (docs/console.md).
(() => {
  "use strict";
  const $ = (s, r = document) => r.querySelector(s);
  const $$ = (s, r = document) => [...r.querySelectorAll(s)];
  const root = document.documentElement;
  const say = (text) => { const live = $("#live"); if (live) { live.textContent = ""; live.textContent = text; } };
  const lettersOn = () => root.dataset.keys !== "off";
  const typing = (el) => !!el && (el.isContentEditable || /^(TEXTAREA|SELECT)$/.test(el.tagName) || (el.tagName === "INPUT" && !/^(checkbox|radio|button|submit|reset)$/.test(el.type)));
  const shown = (el) => el.getClientRects().length > 0;
  const here = (href) => href && href.startsWith("/") && !href.startsWith("//");
  const visit = (href) => { if (here(href)) location.assign(href); };
  // A page restored from history or another tab's session must not be worked on.
  const gone = (res) => { if (res.status === 401) { location.reload(); return true; } return false; };

  // --- lists: a cursor that never jumps ------------------------------------------
  const rows = () => $$("tr[data-row], [data-row]").filter(shown);
  const pickable = () => rows().filter((r) => !r.matches("[data-event]"));
  let opener = null;
  const current = () => document.activeElement?.closest?.("[data-row]") || $("[data-row][data-cursor]");
  const put = (row, focus = true) => {
    if (!row) return;
    $$("[data-cursor]").forEach((r) => r.removeAttribute("data-cursor"));
    row.setAttribute("data-cursor", "");
    rows().forEach((r) => { r.tabIndex = r === row ? 0 : -1; });
    if (focus) { row.focus({ preventScroll: true }); row.scrollIntoView({ block: "nearest" }); }
  };
  const step = (by) => {
    const all = rows(); if (!all.length) return null;
    const at = all.indexOf(current());
    const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    put(next);
    if (!$("#peek")?.hidden && next.dataset.href) peek(next);
    return next;
  };
  const select = (row, on) => {
    if (!row || row.matches("[data-event]")) return; // what happened is looked at, not chosen
    const set = on ?? row.getAttribute("aria-selected") !== "true";
    row.setAttribute("aria-selected", String(set));
    const box = $("input[data-select]", row); if (box) box.checked = set;
    selection();
  };
  const selected = () => $$('[data-row][aria-selected="true"]');
  const selection = () => {
    const n = selected().length, bar = $("[data-selection]");
    if (!bar) return;
    bar.hidden = n === 0;
    const count = $("[data-selected-count]", bar); if (count) count.textContent = n;
    $$("[data-selected-ids]", bar).forEach((holder) => {
      holder.replaceChildren(...selected().map((r) => { const i = document.createElement("input"); i.type = "hidden"; i.name = "id"; i.value = r.dataset.id; return i; }));
    });
    say(n ? n + " selected" : "Nothing selected");
  };

  // --- peek -----------------------------------------------------------------------
  const peek = async (row) => {
    const box = $("#peek"), body = $("[data-peek-body]", box), href = row.dataset.peek || row.dataset.href;
    if (!here(href)) return;
    opener = row; box.hidden = false;
    const slow = setTimeout(() => { body.textContent = "Loading …"; }, 300);
    try {
      const res = await fetch(href, { headers: { "Duly-Part": "peek" } });
      if (gone(res)) return;
      const text = await res.text();
      if (opener !== row) return;
      body.innerHTML = text; // our own server's HTML, under a policy that runs no inline script
      window.htmx?.process?.(body);
      show(body);
    } catch { body.textContent = "This could not be loaded. Try again."; } finally { clearTimeout(slow); }
  };
  const closePeek = () => { const box = $("#peek"); if (!box || box.hidden) return false; box.hidden = true; $("[data-peek-body]", box).replaceChildren(); opener?.focus(); return true; };

  // --- command menu -----------------------------------------------------------------
  const recentKey = "duly-recent";
  const recent = () => { try { return JSON.parse(sessionStorage.getItem(recentKey)) || []; } catch { return []; } };
  const palette = () => {
    const box = $("#palette"); if (!box || box.open) return;
    $$("[data-added]", box).forEach((el) => el.remove());
    const list = $("#palette-list");
    // What can be done on this page comes first, then where one was.
    const add = (label, small, act, key) => {
      const li = document.createElement("li"); li.role = "option"; li.dataset.added = ""; li.setAttribute("aria-selected", "false");
      const a = document.createElement("span"), b = document.createElement("small"); a.textContent = label; b.textContent = small; li.append(a, b);
      if (key) { const k = document.createElement("kbd"); k.textContent = key; li.append(k); }
      li.act = act; return li;
    };
    const acts = $$("[data-key], [data-command]").filter((el) => shown(el) && !el.closest("dialog") && !el.matches("[data-palette]") && !el.disabled)
      .map((el) => add(name(el), "On this page", () => act(el), el.dataset.key));
    const been = recent().filter((r) => r.path !== location.pathname).slice(0, 5).map((r) => add(r.title, "Recent", () => visit(r.path)));
    list.prepend(...acts, ...been);
    box.showModal(); const input = $("#palette-input"); input.value = ""; filter("");
    input.focus();
  };
  const options = () => $$("#palette [role=option]").filter(shown);
  const mark = (li) => {
    $$('#palette [aria-selected="true"]').forEach((o) => o.setAttribute("aria-selected", "false"));
    if (!li) return;
    li.setAttribute("aria-selected", "true"); li.id ||= "opt-" + Math.random().toString(36).slice(2);
    $("#palette-input").setAttribute("aria-activedescendant", li.id); li.scrollIntoView({ block: "nearest" });
  };
  let asked = 0;
  const filter = (text) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    $$("#palette-list > [role=option]").forEach((li) => { li.hidden = !words.every((w) => li.textContent.toLowerCase().includes(w)); });
    mark(options()[0]);
    const mine = ++asked, found = $("#palette-found");
    if (text.trim().length < 2) { found.replaceChildren(); return; }
    setTimeout(async () => {
      if (mine !== asked) return;
      try {
        const res = await fetch("/search?q=" + encodeURIComponent(text.trim()), { headers: { "Duly-Part": "search" } });
        if (gone(res) || mine !== asked || !res.ok) return;
        found.innerHTML = await res.text();
        if (!$('#palette [aria-selected="true"]')) mark(options()[0]);
      } catch { found.textContent = "The search does not answer."; }
    }, 160);
  };
  const choose = (li) => { if (!li) return; $("#palette").close(); li.act ? li.act() : visit(li.dataset.href); };
  const name = (el) => (el.getAttribute("aria-label") || el.dataset.command || (el.tagName === "SELECT" ? el.title.replace(/ \(.*\)$/, "") : "") || [...el.childNodes].filter((n) => n.nodeName !== "KBD").map((n) => n.textContent).join("") || el.title).trim().replace(/\s+/g, " ");
  const act = (el) => { if (el.tagName === "FORM") $("input:not([type=hidden]), select, textarea", el)?.focus(); else if (typing(el)) { el.focus(); el.select?.(); } else if (el.tagName === "SUMMARY") { el.click(); const d = el.parentElement; if (d.open) ($("input:not([type=hidden]), select, textarea", d) || el).focus(); } else el.click(); };

  // --- help --------------------------------------------------------------------------
  const everywhere = [["Ctrl K", "Command menu"], ["?", "These keys"], ["/", "Filter"], ["j k ↓ ↑", "Next, previous row"], ["Enter o", "Open"], ["Space", "Peek"], ["x", "Select the row"], ["J K", "Select onwards"], ["Ctrl A", "Select all on the page"], ["Esc", "Close, then clear, then leave"], ["Ctrl Enter", "Submit the form"], ["t", "Times relative, ours, UTC"], ["y", "Copy the id"], ["u", "Show what is new"], ["z", "Undo, within ten seconds"]];
  const help = () => {
    const box = $("#keys"); if (!box || box.open) return;
    const out = [];
    const line = (keys, text) => { const dt = document.createElement("dt"), dd = document.createElement("dd"); keys.split(" ").forEach((k) => { const e = document.createElement("kbd"); e.textContent = k; dt.append(e, " "); }); dd.textContent = text; out.push(dt, dd); };
    const seen = new Set();
    $$("main [data-key], .peek:not([hidden]) [data-key]").filter(shown).forEach((el) => { if (!seen.has(el.dataset.key)) { seen.add(el.dataset.key); line(el.dataset.key, name(el)); } });
    everywhere.forEach(([k, t]) => line(k, t));
    $$(".side [data-go]").forEach((el) => line("g " + el.dataset.go, name(el)));
    $("#keys-list").replaceChildren(...out); box.showModal();
  };

  // --- times ---------------------------------------------------------------------------
  const ways = ["relative", "local", "utc"];
  const show = (under = document) => { const way = root.dataset.time; $$("time[data-relative]", under).forEach((t) => { t.textContent = t.dataset[way] || t.dataset.relative; }); };
  // The choice is kept in the order of the keys: one request after the other, and the last also
  // when one walks on at once.
  let keeping = false, keptWay = root.dataset.time;
  const send = () => { keptWay = root.dataset.time; return fetch("/profile/time", { method: "POST", keepalive: true, body: new URLSearchParams({ time: keptWay }) }).catch(() => {}); };
  const keep = async () => {
    if (keeping) return;
    for (keeping = true; keptWay !== root.dataset.time;) await send();
    keeping = false;
  };
  addEventListener("pagehide", () => { if (keeping && keptWay !== root.dataset.time) send(); });
  const turn = () => {
    root.dataset.time = ways[(ways.indexOf(root.dataset.time) + 1) % ways.length]; show();
    say({ relative: "Times are relative", local: "Times are ours", utc: "Times are UTC" }[root.dataset.time]);
    keep();
  };

  // --- confirmation ----------------------------------------------------------------------
  const confirmed = new WeakSet();
  document.addEventListener("submit", (e) => {
    const form = e.target;
    if (form.method === "dialog") return;
    const text = e.submitter?.dataset.confirm || form.dataset.confirm;
    if (text && !confirmed.has(form)) {
      e.preventDefault(); e.stopImmediatePropagation();
      const box = $("#confirm"), word = e.submitter?.dataset.type || form.dataset.type || "", typed = $("#confirm-typed"), yes = $("button[value=yes]", box);
      $("[data-confirm-text]", box).textContent = text;
      $("[data-confirm-type]", box).hidden = !word; $("[data-confirm-word]", box).textContent = word; typed.value = "";
      yes.disabled = !!word; typed.oninput = () => { yes.disabled = typed.value.trim() !== word; };
      box.returnValue = "no"; box.showModal(); (word ? typed : yes).focus();
      box.onclose = () => {
        if (box.returnValue !== "yes" || (word && typed.value.trim() !== word)) { e.submitter?.focus(); return; }
        if (word) { let i = $("input[name=typed]", form); if (!i) { i = document.createElement("input"); i.type = "hidden"; i.name = "typed"; form.append(i); } i.value = word; }
        confirmed.add(form); form.requestSubmit(e.submitter || undefined); confirmed.delete(form);
      };
      return;
    }
    // The second of two clicks is not a second order.
    if (form.dataset.sent === "yes" && form.method === "post") { e.preventDefault(); return; }
    if (form.method === "post" && !form.hasAttribute("hx-post")) { form.dataset.sent = "yes"; setTimeout(() => { delete form.dataset.sent; }, 4000); }
    if (form.method === "get") $$("input, select", form).forEach((i) => { if (i.name && i.value === "") i.disabled = true; });
  }, true);
  addEventListener("pageshow", () => $$("form").forEach((f) => { delete f.dataset.sent; $$("input[disabled], select[disabled]", f).forEach((i) => { if (f.method === "get") i.disabled = false; }); }));

  // --- live updates: cells change in place; rows wait for the reader --------------------------
  const sameCells = (a, b) => a.innerHTML === b.innerHTML && a.className === b.className;
  const timeless = (el) => { const c = el.cloneNode(true); $$("time", c).forEach((t) => { t.textContent = ""; }); return c.innerHTML; };
  const update = (old, fresh) => {
    const table = old.matches("[data-list]") ? old : $("[data-list]", old);
    if (!table) { if (!old.contains(document.activeElement) && !sameCells(old, fresh)) { old.innerHTML = fresh.innerHTML; show(old); } return; }
    const list = fresh.matches("[data-list]") ? fresh : $("[data-list]", fresh);
    const now = new Map(list ? $$("[data-row]", list).map((r) => [r.id, r]) : []);
    let waiting = 0;
    $$("[data-row]", table).forEach((row) => {
      const next = now.get(row.id);
      if (!next) { if (!row.classList.contains("gone")) { row.classList.add("gone"); waiting++; } return; }
      now.delete(row.id);
      if (row.contains(document.activeElement) && document.activeElement !== row) return; // somebody works in it
      if (row.innerHTML !== next.innerHTML) {
        const news = timeless(row) !== timeless(next); // that time passes is no news
        row.innerHTML = next.innerHTML; row.classList.remove("gone"); show(row);
        if (news) { row.classList.add("fresh"); setTimeout(() => row.classList.remove("fresh"), 2600); }
        const box = $("input[data-select]", row); if (box) box.checked = row.getAttribute("aria-selected") === "true"; }
    });
    waiting += now.size;
    let button = $("[data-newer]");
    if (!waiting) { button?.remove(); return; }
    if (!button) { button = document.createElement("button"); button.type = "button"; button.className = "newer small"; button.dataset.newer = ""; button.onclick = () => location.reload(); table.before(button); }
    const text = waiting + (waiting === 1 ? " change" : " changes") + " – show (u)";
    if (button.textContent !== text) { button.textContent = text; say(waiting + " changes in the list; press u to show them"); }
  };
  const poll = (el) => {
    const every = Math.max(2, Number(el.dataset.live) || 15) * 1000;
    let failed = 0;
    const once = async () => {
      if (!el.isConnected) return;
      let on = true; // until the page says that nothing more comes
      if (!document.hidden && !$("dialog[open]")) {
        try {
          const res = await fetch(el.dataset.liveFrom || location.href, { headers: { "Duly-Part": "live" } });
          if (gone(res)) return;
          if (res.ok) { const doc = new DOMParser().parseFromString(await res.text(), "text/html"); const fresh = doc.getElementById(el.id); if (fresh) { update(el, fresh); on = !!fresh.dataset.live; } failed = 0; } else failed++;
        } catch { failed++; }
        root.classList.toggle("offline", failed > 2);
      }
      if (on) setTimeout(once, every * Math.min(8, 1 + failed));
    };
    setTimeout(once, every);
  };

  // --- keys -------------------------------------------------------------------------------------
  let going = 0;
  const layers = () => $$("dialog[open]");
  const filterField = () => $("[data-filter]") || $("main form.filters input:not([type=hidden])");
  const letter = (e) => {
    const key = e.key;
    if (going && Date.now() - going < 1500) { going = 0; const to = $$("[data-go]").find((a) => a.dataset.go === key); if (to) visit(to.getAttribute("href")); else say("Nothing of yours is under g " + key); return true; }
    const bound = $$("[data-key]").filter((el) => el.dataset.key === key && shown(el) && !el.disabled);
    const inPeek = bound.find((el) => el.closest("#peek"));
    const inRow = bound.find((el) => el.closest("[data-row]") && el.closest("[data-row]") === current());
    const first = inPeek || inRow || bound.find((el) => !el.closest("[data-row]"));
    if (first && key !== "?") { act(first); return true; }
    switch (key) {
      case "g": going = Date.now(); return true;
      case "?": help(); return true;
      case "/": { const f = filterField(); if (!f) { palette(); return true; } f.focus(); f.select?.(); return true; }
      case "j": return !!step(1);
      case "k": return !!step(-1);
      case "J": { const r = current(); select(r, true); select(step(1), true); return true; }
      case "K": { const r = current(); select(r, true); select(step(-1), true); return true; }
      case "x": { const r = current() || step(0); select(r); return !!r; }
      case "o": { const r = current(); if (r?.dataset.href) visit(r.dataset.href); return !!r; }
      case "t": turn(); return true;
      case "u": { const b = $("[data-newer]"); if (b) b.click(); return !!b; }
      case "y": { const id = $("#peek:not([hidden]) [data-copy]")?.dataset.copy || current()?.dataset.id || $$("main [data-copy]").find((b) => !b.closest("[data-row]"))?.dataset.copy; if (id) navigator.clipboard?.writeText(id).then(() => say("Copied " + id), () => {}); return !!id; }
    }
    return false;
  };
  document.addEventListener("keydown", (e) => {
    const ctrl = (e.ctrlKey || e.metaKey) && !e.altKey;
    if (ctrl && e.key.toLowerCase() === "k") { e.preventDefault(); palette(); return; }
    if (ctrl && e.key === "Enter") { const f = e.target.closest?.("form") || $("main form[data-main]"); if (f) { e.preventDefault(); f.requestSubmit(); } return; }
    if ($("#palette")?.open) {
      const all = options(), at = all.findIndex((o) => o.getAttribute("aria-selected") === "true");
      if (e.key === "ArrowDown") { e.preventDefault(); mark(all[Math.min(all.length - 1, at + 1)]); }
      else if (e.key === "ArrowUp") { e.preventDefault(); mark(all[Math.max(0, at - 1)]); }
      else if (e.key === "Enter") { e.preventDefault(); choose(all[at]); }
      return;
    }
    if (layers().length) return; // dialogs close themselves with Esc
    if (e.key === "Escape") {
      if (typing(e.target)) { e.target.blur(); (current() || $("#main"))?.focus?.(); return; }
      const pop = $("details.pop[open]");
      if (pop) { pop.open = false; $("summary", pop).focus(); return; }
      if (closePeek()) return;
      if (selected().length) { selected().forEach((r) => select(r, false)); return; }
      const up = $("[data-up]"); if (up) visit(up.getAttribute("href"));
      return;
    }
    if (typing(e.target)) return;
    const row = e.target.closest?.("[data-row]");
    if (ctrl && e.key.toLowerCase() === "a" && pickable().length) { e.preventDefault(); pickable().forEach((r) => r.setAttribute("aria-selected", "true")); pickable().forEach((r) => { const b = $("input[data-select]", r); if (b) b.checked = true; }); selection(); return; }
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "ArrowDown" && (row || e.target === document.body || e.target.id === "main") && rows().length) { e.preventDefault(); step(1); return; }
    if (e.key === "ArrowUp" && row) { e.preventDefault(); step(-1); return; }
    if (e.target === row && row) {
      if (e.key === "Enter" && row.dataset.href) { e.preventDefault(); visit(row.dataset.href); return; }
      if (e.key === " " && (row.dataset.peek || row.dataset.href)) { e.preventDefault(); peek(row); return; }
    }
    if (e.key.length !== 1 || e.key === " ") return;
    if (lettersOn() && letter(e)) e.preventDefault();
  });

  // --- pointer ----------------------------------------------------------------------------------------
  document.addEventListener("click", (e) => {
    const t = e.target;
    if (t.closest("[data-palette]")) { palette(); return; }
    if (t.closest("[data-help]")) { help(); return; }
    if (t.closest("#peek [data-close]")) { closePeek(); return; }
    const opt = t.closest("#palette [role=option]"); if (opt) { choose(opt); return; }
    // A key goes round the answers to a question: yes, no, not applicable.
    const cycle = t.closest("[data-cycle]"); if (cycle) { const all = $$("input[type=radio]").filter((i) => i.name === cycle.dataset.cycle), next = all[(all.findIndex((i) => i.checked) + 1) % all.length]; if (next) { next.checked = true; next.dispatchEvent(new Event("change", { bubbles: true })); say(next.closest("label").textContent.trim()); } return; }
    const copy = t.closest("button[data-copy]"); if (copy) { navigator.clipboard?.writeText(copy.dataset.copy).then(() => say("Copied"), () => {}); return; }
    const row = t.closest("[data-row]");
    if (row) {
      put(row, false);
      if (t.matches("input[data-select]")) { select(row, t.checked); return; }
      if (!t.closest("a, button, input, select, label, summary, textarea") && !String(getSelection())) { row.dataset.peek || row.dataset.href ? peek(row) : put(row); }
    }
    $$("details.pop[open]").forEach((d) => { if (!d.contains(t)) d.open = false; });
  });
  document.addEventListener("change", (e) => { if (e.target.closest("form[data-auto]")) e.target.form.requestSubmit(); });
  document.addEventListener("input", (e) => { if (e.target.id === "palette-input") filter(e.target.value); });
  document.addEventListener("toggle", async (e) => {
    const d = e.target; if (!d.matches?.("details[data-views]") || !d.open) return;
    try { const res = await fetch("/views?place=" + encodeURIComponent(d.dataset.views), { headers: { "Duly-Part": "views" } }); if (!gone(res) && res.ok) $("[data-views-list]", d).innerHTML = await res.text(); } catch { /* the form below still works */ }
  }, true);

  // --- start ---------------------------------------------------------------------------------------------
  const all = rows();
  all.forEach((r, i) => { r.tabIndex = i === 0 ? 0 : -1; });
  const back = sessionStorage.getItem("duly-row " + location.pathname);
  const was = back && document.getElementById(back);
  if (was) put(was); else if (all.length && $("[data-list][data-first]")) put(all[0]);
  addEventListener("pagehide", () => { const r = current(); if (r?.id) sessionStorage.setItem("duly-row " + location.pathname, r.id); });
  // The navigation scrolls, on small windows as one line: where one is must be in sight.
  const place = $(".side [aria-current]");
  for (let box = place?.parentElement; box && box !== document.body; box = box.parentElement) {
    const at = place.getBoundingClientRect(), seen = box.getBoundingClientRect();
    if (at.right > seen.right || at.left < seen.left) box.scrollLeft += at.left - seen.left - 60;
    if (at.bottom > Math.min(seen.bottom, innerHeight) || at.top < seen.top) box.scrollTop += at.bottom - Math.min(seen.bottom, innerHeight) + 60;
  }
  $("[data-faults]")?.focus();
  // What scrolls in a box of its own can be reached by keyboard, and is no stop where it fits.
  const boxes = new ResizeObserver((seen) => seen.forEach(({ target: b }) => {
    const wide = b.scrollWidth > b.clientWidth + 1 || (b.scrollHeight > b.clientHeight + 1 && getComputedStyle(b).overflowY !== "visible");
    if (wide && !$("a, button, input, select, textarea, [tabindex]", b)) b.tabIndex = 0; else if (b.tabIndex === 0) b.removeAttribute("tabindex");
  }));
  $$(".scroll, table.list, .source, .letter, .columns").forEach((b) => boxes.observe(b));
  show();
  $$("[data-live]").forEach(poll);
  if (!document.body.classList.contains("bare") && !$("main > .error")) {
    const list = recent().filter((r) => r.path !== location.pathname);
    list.unshift({ path: location.pathname, title: document.title.replace(/ · Duly$/, "") });
    sessionStorage.setItem(recentKey, JSON.stringify(list.slice(0, 12)));
  }
  // A form that the address opens is ready to be filled in.
  $("main details.pop[open] :is(input:not([type=hidden]), select, textarea)")?.focus();
  const undo = $("[data-flash] [data-undo]"); if (undo) setTimeout(() => undo.remove(), 10000);
})();
