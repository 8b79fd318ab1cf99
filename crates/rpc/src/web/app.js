// The page of one node. Everything that comes from the chain is put in as text, never as markup.
"use strict";

const PAGE = 15;
const KEPT = 500;
const TX_PAGE = 25;
const RETRY_MIN = 1000;
const RETRY_MAX = 30000;

const $ = (id) => document.getElementById(id);
const state = { ticker: "", blocks: [], total: 0, shown: null, refreshing: false, again: false };

async function ask(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error || `status ${answer.status}`);
  return body;
}

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === "class") made.className = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// A refresh that works clears what an earlier one said, not what a person's own question got as an answer.
function problem(text, source) {
  $("problem").hidden = false;
  $("problem").textContent = text;
  $("problem").dataset.source = source;
}

function solved(source) {
  if ($("problem").dataset.source === source) $("problem").hidden = true;
}

function age(seconds) {
  const passed = Math.max(0, Math.floor(Date.now() / 1000) - seconds);
  if (passed < 60) return `${passed} s`;
  if (passed < 3600) return `${Math.floor(passed / 60)} min`;
  if (passed < 86400) return `${Math.floor(passed / 3600)} h`;
  return `${Math.floor(passed / 86400)} d`;
}

function coins(holder, name) {
  const value = holder[`${name}_${state.ticker}`];
  if (value === undefined || value === null) return "";
  const text = value.toLocaleString(undefined, { maximumFractionDigits: 8 });
  return `${text} ${state.ticker.toUpperCase()}`;
}

function short(hash) {
  return `${hash.slice(0, 14)}…${hash.slice(-8)}`;
}

function showStatus(status) {
  const key = Object.keys(status).find((name) => name.startsWith("supply_"));
  if (key) state.ticker = key.slice("supply_".length);
  $("network").textContent = status.network;
  $("height").textContent = status.height.toLocaleString();
  $("hashrate").textContent = status.miner.hashrate;
  const threads = status.miner.threads === 1 ? "1 thread" : `${status.miner.threads} threads`;
  $("miner").textContent = status.miner.mining ? `mining with ${threads}` : "not mining";
  $("difficulty").textContent = status.difficulty.toLocaleString(undefined, { maximumSignificantDigits: 6 });
  $("bits").textContent = `bits ${status.bits_hex}`;
  $("supply").textContent = coins(status, "supply");
  $("version").textContent = `cairn-node ${status.version}`;
  document.title = `${status.height} · ${status.network} · Cairn`;
  if (status.ibd) problem(`Downloading: ${status.height} of ${status.headers} blocks.`, "refresh");
}

function showSupply(supply) {
  const blocks = supply.next_halving_blocks;
  const until = blocks === null ? "" : `, for ${blocks.toLocaleString()} more blocks`;
  $("reward").textContent = `${coins(supply, "current_subsidy")} a block${until}`;
}

function blockRow(block) {
  const open = element("button", { type: "button" }, String(block.height));
  const row = element("tr", {},
    element("td", {}, open),
    element("td", { class: "hash", title: block.hash }, short(block.hash)),
    element("td", { "data-time": block.header.timestamp }, age(block.header.timestamp)),
    element("td", { class: "number" }, block.tx_count.toLocaleString()),
    element("td", { class: "number" }, block.size.toLocaleString()));
  if (block.hash === state.shown) row.setAttribute("aria-current", "true");
  row.addEventListener("click", () => { location.hash = `#block/${block.hash}`; });
  return row;
}

function showBlocks() {
  const focused = document.activeElement && document.activeElement.closest("#blocks tr");
  const height = focused && focused.querySelector("button").textContent;
  $("blocks").replaceChildren(...state.blocks.map(blockRow));
  if (height) {
    const again = [...$("blocks").querySelectorAll("button")].find((button) => button.textContent === height);
    if (again) again.focus({ preventScroll: true });
  }
  $("more").hidden = state.blocks.length >= state.total;
  showAges();
}

function showAges() {
  for (const cell of $("blocks").querySelectorAll("[data-time]")) cell.textContent = age(Number(cell.dataset.time));
  const tip = state.blocks[0];
  $("tip-age").textContent = tip ? `last block ${age(tip.header.timestamp)} ago` : "";
}

// Many events at once make one refresh, and one more for what came meanwhile.
async function refresh() {
  if (state.refreshing) { state.again = true; return; }
  state.refreshing = true;
  try {
    const [status, supply, page] =
      await Promise.all([ask("/status"), ask("/supply"), ask(`/blocks?limit=${PAGE}`)]);
    solved("refresh");
    showStatus(status);
    showSupply(supply);
    state.total = page.total;
    state.blocks = joined(page.blocks, state.blocks).slice(0, KEPT);
    showBlocks();
  } catch (error) {
    problem(`The node cannot be asked: ${error.message}`, "refresh");
  }
  setTimeout(() => {
    state.refreshing = false;
    if (state.again) { state.again = false; refresh(); }
  }, 500);
}

// The older blocks already shown stay only if the new page's last block builds on them.
function joined(fresh, old) {
  const last = fresh[fresh.length - 1];
  const below = last ? old.findIndex((block) => block.hash === last.header.prev_hash) : -1;
  return below < 0 ? fresh : fresh.concat(old.slice(below));
}

async function older() {
  try {
    const lowest = state.blocks[state.blocks.length - 1];
    const offset = state.total - lowest.height;
    const page = await ask(`/blocks?limit=${PAGE}&offset=${offset}`);
    state.blocks = state.blocks.concat(page.blocks.filter((block) => block.height < lowest.height));
    showBlocks();
  } catch (error) {
    problem(`The node cannot be asked: ${error.message}`, "refresh");
  }
}

function field(list, name, value) {
  list.append(element("dt", {}, name), element("dd", { class: "hash" }, String(value)));
}

function input(one) {
  const from = one.txid === null ? "newly mined" : one.address || `${short(one.txid)}:${one.vout}`;
  return element("li", {}, element("span", { class: "hash" }, from),
    element("span", { class: "amount" }, coins(one, "value")));
}

function output(one) {
  return element("li", {}, element("span", { class: "hash" }, one.address || one.type),
    element("span", { class: "amount" }, coins(one, "value")));
}

function transaction(tx) {
  const fee = tx.fee === null ? "" : `, fee ${tx.fee.toLocaleString()} units`;
  return element("li", {},
    element("div", { class: "hash" }, tx.txid),
    element("div", { class: "note" }, `${tx.is_coinbase ? "coinbase, " : ""}${tx.vsize.toLocaleString()} vbytes${fee}`),
    element("div", { class: "sides" },
      element("ul", { "aria-label": "inputs" }, ...tx.inputs.map(input)),
      element("ul", { "aria-label": "outputs" }, ...tx.outputs.map(output))));
}

function showBlock(block) {
  state.shown = block.hash;
  $("block-title").textContent = `Block ${block.height.toLocaleString()}`;
  const list = $("block-fields");
  list.replaceChildren();
  field(list, "Hash", block.hash);
  field(list, "Previous", block.header.prev_hash);
  field(list, "Merkle root", block.header.merkle_root);
  field(list, "Time", new Date(block.header.timestamp * 1000).toISOString());
  field(list, "Bits", block.header.bits_hex);
  field(list, "Nonce", block.header.nonce);
  field(list, "Size", `${block.size.toLocaleString()} bytes, ${block.weight.toLocaleString()} weight units`);
  field(list, "Confirmations", block.confirmations < 0 ? "not on the active chain" : block.confirmations);
  $("transactions-title").textContent =
    block.tx_count === 1 ? "1 transaction" : `${block.tx_count.toLocaleString()} transactions`;
  $("transactions").replaceChildren();
  let shown = 0;
  const more = () => {
    $("transactions").append(...block.transactions.slice(shown, shown + TX_PAGE).map(transaction));
    shown += TX_PAGE;
    $("more-transactions").hidden = shown >= block.transactions.length;
  };
  $("more-transactions").onclick = more;
  more();
  $("block").hidden = false;
  showBlocks();
  $("block").focus({ preventScroll: true });
  $("block").scrollIntoView({ behavior: "smooth" });
}

async function follow() {
  const wanted = location.hash.match(/^#block\/([0-9a-f]{64}|[0-9]{1,10})$/);
  solved("follow");
  if (!wanted) {
    state.shown = null;
    $("block").hidden = true;
    showBlocks();
    return;
  }
  try {
    showBlock(await ask(`/block/${wanted[1]}`));
  } catch (error) {
    problem(`${location.hash.slice(1)}: ${error.message}`, "follow");
  }
}

function live(word, stateName) {
  $("live").textContent = word;
  $("live").dataset.state = stateName;
}

// An EventSource comes back by itself after a broken connection, but not after an answer that is no stream.
function listen(retry) {
  const events = new EventSource("/events?types=snapshot,block,reorg,ping");
  let wait = retry;
  events.addEventListener("open", () => { wait = RETRY_MIN; live("live", "open"); refresh(); });
  events.addEventListener("snapshot", (event) => showStatus(JSON.parse(event.data)));
  events.addEventListener("block", refresh);
  events.addEventListener("reorg", refresh);
  events.addEventListener("error", () => {
    live("connection lost, trying again", "lost");
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(() => listen(Math.min(wait * 2, RETRY_MAX)), wait);
  });
}

$("more").addEventListener("click", older);
window.addEventListener("hashchange", follow);
setInterval(showAges, 1000);
setInterval(() => { if (!document.hidden) refresh(); }, 10000);
refresh().then(follow);
listen(RETRY_MIN);
