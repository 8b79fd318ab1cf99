// The page of one node. Everything that comes from the chain is put in as text, never as markup.
"use strict";

const PAGE = 15;
const KEPT = 500;
const TX_PAGE = 25;
const POOL_SHOWN = 15;
const POOL_KEPT = 200;
const HISTORY_PAGE = 50;
const RETRY_MIN = 1000;
const RETRY_MAX = 30000;

const $ = (id) => document.getElementById(id);
const state = { ticker: "", decimals: 8, blocks: [], total: 0, shown: null, history: null };
// Transactions of the pool by id, the newest last.
const pool = new Map();

async function ask(path, options) {
  const answer = await fetch(path, { headers: { accept: "application/json" }, ...options });
  const body = await answer.json();
  if (answer.ok) return body;
  const error = new Error(body.error || `status ${answer.status}`);
  error.status = answer.status;
  throw error;
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

// An amount that comes as an integer alone, in coins.
function units(value) {
  const sign = value < 0 ? "-" : "";
  const digits = String(Math.abs(value)).padStart(state.decimals + 1, "0");
  const whole = digits.slice(0, digits.length - state.decimals);
  const fraction = digits.slice(digits.length - state.decimals).replace(/0+$/, "");
  return `${sign}${whole}${fraction ? `.${fraction}` : ""} ${state.ticker.toUpperCase()}`;
}

// The node's sat/kvB as sat/vB.
function perByte(rate) {
  return (rate / 1000).toLocaleString(undefined, { maximumFractionDigits: 3 });
}

function bytes(count) {
  const names = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let name = 0;
  while (value >= 1000 && name + 1 < names.length) { value /= 1000; name += 1; }
  return `${value.toLocaleString(undefined, { maximumFractionDigits: 1 })} ${names[name]}`;
}

function short(hash) {
  return `${hash.slice(0, 14)}…${hash.slice(-8)}`;
}

function link(kind, name, text) {
  return element("a", { class: "hash", href: `#${kind}/${encodeURIComponent(name)}`, title: name }, text || name);
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
  for (const cell of document.querySelectorAll("[data-time]")) cell.textContent = age(Number(cell.dataset.time));
  const tip = state.blocks[0];
  $("tip-age").textContent = tip ? `last block ${age(tip.header.timestamp)} ago` : "";
}

// Many calls at once make one run, and one more for what came meanwhile.
function gathered(work) {
  let running = false;
  let again = false;
  return async function run() {
    if (running) { again = true; return; }
    running = true;
    await work();
    setTimeout(() => {
      running = false;
      if (again) { again = false; run(); }
    }, 500);
  };
}

const refresh = gathered(async () => {
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
});

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
  list.append(element("dt", {}, name), element("dd", { class: "hash" }, value instanceof Node ? value : String(value)));
}

function input(one) {
  let from = "newly mined";
  if (one.address) from = link("address", one.address);
  else if (one.txid !== null) from = link("tx", one.txid, `${short(one.txid)}:${one.vout}`);
  return element("li", {}, element("span", { class: "hash" }, from),
    element("span", { class: "amount" }, coins(one, "value")));
}

function output(one) {
  const to = one.address ? link("address", one.address) : one.type;
  return element("li", {}, element("span", { class: "hash" }, to),
    element("span", { class: "amount" }, coins(one, "value")));
}

function sides(tx) {
  return element("div", { class: "sides" },
    element("ul", { "aria-label": "inputs" }, ...tx.inputs.map(input)),
    element("ul", { "aria-label": "outputs" }, ...tx.outputs.map(output)));
}

function transaction(tx) {
  const fee = tx.fee === null ? "" : `, fee ${tx.fee.toLocaleString()} units`;
  return element("li", {},
    element("div", { class: "hash" }, link("tx", tx.txid)),
    element("div", { class: "note" }, `${tx.is_coinbase ? "coinbase, " : ""}${tx.vsize.toLocaleString()} vbytes${fee}`),
    sides(tx));
}

// Shows one view below the tables, or none.
function view(name) {
  for (const one of document.querySelectorAll(".view")) one.hidden = one.id !== name;
  if (!name) return;
  $(name).focus({ preventScroll: true });
  $(name).scrollIntoView({ behavior: "smooth" });
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
  showBlocks();
  view("block");
}

function showTransaction(tx) {
  const list = $("transaction-fields");
  list.replaceChildren();
  field(list, "Id", tx.txid);
  field(list, "With witnesses", tx.wtxid);
  const { status } = tx;
  if (status.confirmed) {
    field(list, "Block", link("block", status.block_hash, `${status.height.toLocaleString()}, ${status.confirmations.toLocaleString()} confirmations`));
  } else {
    field(list, "Block", status.height === null ? "none yet: it waits in the mempool" : "one that is not on the active chain");
  }
  field(list, "Size", `${tx.size.toLocaleString()} bytes, ${tx.vsize.toLocaleString()} vbytes`);
  if (tx.fee !== null) field(list, "Fee", `${units(tx.fee)}, ${perByte(Math.floor(tx.fee * 1000 / tx.vsize))} sat/vB`);
  field(list, "Lock time", tx.locktime);
  $("transaction-sides").replaceChildren(element("li", {}, sides(tx)));
  $("transaction-hex").textContent = tx.hex;
  view("transaction");
}

function historyRow(entry) {
  const block = entry.block_hash === null ? "unconfirmed" : link("block", entry.block_hash, entry.height.toLocaleString());
  return element("tr", {},
    element("td", {}, link("tx", entry.txid, short(entry.txid))),
    element("td", {}, block),
    element("td", {}, new Date(entry.timestamp * 1000).toLocaleString()),
    element("td", { class: "number" }, entry.confirmations.toLocaleString()));
}

function showAddress(found) {
  const list = $("address-fields");
  list.replaceChildren();
  field(list, "Address", found.address);
  field(list, "Balance", units(found.balance_satoshi));
  field(list, "Not yet spendable", units(found.immature_satoshi));
  field(list, "Unconfirmed", units(found.unconfirmed_satoshi));
  field(list, "Coins", found.utxo_count.toLocaleString());
  $("history-title").textContent = found.total === 1 ? "1 transaction" : `${found.total.toLocaleString()} transactions`;
  $("history").replaceChildren();
  state.history = { address: found.address, shown: 0 };
  addHistory(found);
  view("address");
}

function addHistory(found) {
  $("history").append(...found.history.map(historyRow));
  state.history.shown += found.history.length;
  $("more-history").hidden = found.history.length === 0 || state.history.shown >= found.total;
}

async function olderHistory() {
  const { history } = state;
  try {
    const page = await ask(`/address/${encodeURIComponent(history.address)}?limit=${HISTORY_PAGE}&offset=${history.shown}`);
    if (state.history === history) addHistory(page);
  } catch (error) {
    problem(`${history.address}: ${error.message}`, "follow");
  }
}

// The views that the part of the address behind # can name.
const VIEWS = {
  block: async (name) => { const found = await ask(`/block/${name}`); return () => showBlock(found); },
  tx: async (name) => { const found = await ask(`/tx/${name}`); return () => showTransaction(found); },
  address: async (name) => {
    const found = await ask(`/address/${name}?limit=${HISTORY_PAGE}`);
    return () => showAddress(found);
  },
};

async function follow() {
  const { hash } = location;
  const wanted = hash.match(/^#(block|tx|address)\/([A-Za-z0-9]{1,90})$/);
  solved("follow");
  if (!wanted || wanted[1] !== "block") state.shown = null;
  if (!wanted) {
    view(null);
    showBlocks();
    return;
  }
  try {
    const show = await VIEWS[wanted[1]](wanted[2]);
    if (location.hash === hash) show();
  } catch (error) {
    problem(`${hash.slice(1)}: ${error.message}`, "follow");
  }
}

// A height, a block's hash, a transaction's id or an address.
async function find(event) {
  event.preventDefault();
  const text = $("find-text").value.trim();
  if (!text) return;
  if (/^[0-9]{1,10}$/.test(text)) { location.hash = `#block/${text}`; return; }
  if (!/^[0-9a-fA-F]{64}$/.test(text)) { location.hash = `#address/${encodeURIComponent(text)}`; return; }
  const isBlock = await ask(`/block/${text}`).then(() => true, () => false);
  location.hash = `#${isBlock ? "block" : "tx"}/${text.toLowerCase()}`;
}

function poolRow(tx) {
  return element("tr", {},
    element("td", {}, link("tx", tx.txid, short(tx.txid))),
    element("td", { "data-time": tx.time }, age(tx.time)),
    element("td", { class: "number" }, units(tx.fee)),
    element("td", { class: "number" }, perByte(tx.fee_rate)),
    element("td", { class: "number" }, tx.vsize.toLocaleString()));
}

const showPool = gathered(async () => {
  const newest = [...pool.values()].slice(-POOL_SHOWN).reverse();
  $("pool-transactions").replaceChildren(...newest.map(poolRow));
});

function remember(tx) {
  pool.delete(tx.txid);
  pool.set(tx.txid, tx);
  if (pool.size > POOL_KEPT) pool.delete(pool.keys().next().value);
}

function showPoolTotals(totals) {
  const word = totals.count === 1 ? "transaction" : "transactions";
  $("pool-totals").textContent = `${totals.count.toLocaleString()} ${word}, ${totals.vsize.toLocaleString()} vbytes, ` +
    `taken from ${perByte(totals.min_fee_rate)} sat/vB on`;
}

// What was missed while nobody listened is gone: the pool is asked for what it holds.
async function loadPool() {
  try {
    const [page, fees] = await Promise.all([ask("/mempool?limit=100"), ask("/fee-estimate")]);
    const known = [...pool.values()].filter((tx) => page.count > page.transactions.length
      || page.transactions.some((held) => held.txid === tx.txid));
    pool.clear();
    const all = new Map([...known, ...page.transactions].map((tx) => [tx.txid, tx]));
    [...all.values()].sort((a, b) => a.time - b.time).forEach(remember);
    showPoolTotals(page);
    $("pool-fees").textContent = `To pay: ${perByte(fees.slow)} slow, ${perByte(fees.standard)} standard, ` +
      `${perByte(fees.fast)} fast (sat/vB, from the ${fees.source})`;
  } catch (error) {
    pool.clear();
    $("pool-totals").textContent = error.message;
    $("pool-fees").textContent = "";
  }
  showPool();
}

function peerRow(peer) {
  const known = (value) => (value === null ? "" : value.toLocaleString());
  return element("tr", {},
    element("td", { class: "hash" }, peer.addr),
    element("td", {}, peer.inbound ? "in" : "out"),
    element("td", {}, peer.user_agent === null ? "" : peer.user_agent),
    element("td", { class: "number" }, known(peer.height)),
    element("td", { class: "number" }, peer.latency_ms === null ? "" : `${peer.latency_ms.toLocaleString()} ms`),
    element("td", { class: "number" }, bytes(peer.bytes_sent)),
    element("td", { class: "number" }, bytes(peer.bytes_recv)),
    element("td", {}, age(Math.floor(Date.now() / 1000) - peer.uptime)),
    element("td", { class: "number" }, known(peer.ban_score)));
}

async function loadPeers() {
  try {
    const { peers } = await ask("/peers");
    $("peers-note").textContent = peers.length === 0 ? "No peer is connected." : `${peers.length.toLocaleString()} connected`;
    $("peer-rows").replaceChildren(...peers.map(peerRow));
  } catch (error) {
    $("peers-note").textContent = error.message;
    $("peer-rows").replaceChildren();
  }
}

// Only a development node has a wallet; every other answers 404.
async function loadWallet() {
  try {
    const wallet = await ask("/wallet/status");
    $("wallet-balance").textContent = units(wallet.balance_satoshi);
    $("wallet-immature").textContent = units(wallet.immature_satoshi);
    $("wallet-unconfirmed").textContent = units(wallet.unconfirmed_satoshi);
    $("wallet-address").replaceChildren(link("address", wallet.address));
    $("send-unit").textContent = state.ticker.toUpperCase();
    $("wallet").hidden = false;
  } catch (error) {
    if (error.status) $("wallet").hidden = true;
  }
}

// Digits with at most `places` behind the point as an integer of the smallest unit, exact; null if it is none.
function integer(text, places) {
  const parts = text.trim().match(/^([0-9]+)(?:[.]([0-9]+))?$/);
  const fraction = (parts && parts[2]) || "";
  if (!parts || fraction.length > places) return null;
  return BigInt(parts[1] + fraction.padEnd(places, "0"));
}

// The header tells the node that its own page asks: a page of another site cannot send it.
async function send(event) {
  event.preventDefault();
  const say = (...what) => $("send-result").replaceChildren(...what);
  const amount = integer($("send-amount").value, state.decimals);
  const rate = $("send-rate").value.trim() === "" ? undefined : integer($("send-rate").value, 3);
  if (amount === null) { say(`The amount is a number with at most ${state.decimals} digits behind the point.`); return; }
  if (rate === null) { say("The fee rate is a number with at most 3 digits behind the point."); return; }
  const headers = { accept: "application/json", "content-type": "application/json", "x-cairn-page": "1" };
  const token = $("send-token").value.trim();
  if (token) headers.authorization = `Bearer ${token}`;
  // Written out, because a double does not hold every amount.
  const fee = rate === undefined ? "" : `,"fee_rate":${rate}`;
  const body = `{"address":${JSON.stringify($("send-address").value.trim())},"amount":${amount}${fee}}`;
  say("sending");
  try {
    const sent = await ask("/wallet/send", { method: "POST", headers, body });
    say("Sent in ", link("tx", sent.txid, short(sent.txid)), `, fee ${units(sent.fee)}.`);
    $("send-address").value = "";
    $("send-amount").value = "";
    loadWallet();
  } catch (error) {
    if (error.status === 401) $("send-token-label").hidden = false;
    say(error.message);
  }
}

const refreshRest = gathered(async () => { await Promise.all([loadPool(), loadPeers(), loadWallet()]); });

function live(word, stateName) {
  $("live").textContent = word;
  $("live").dataset.state = stateName;
}

// An EventSource comes back by itself after a broken connection, but not after an answer that is no stream.
function listen(retry) {
  const events = new EventSource("/events?types=snapshot,block,reorg,tx,tx_removed,mempool,ping");
  let wait = retry;
  events.addEventListener("open", () => { wait = RETRY_MIN; live("live", "open"); refresh(); refreshRest(); });
  events.addEventListener("snapshot", (event) => showStatus(JSON.parse(event.data)));
  events.addEventListener("block", () => { refresh(); refreshRest(); });
  events.addEventListener("reorg", () => { refresh(); refreshRest(); });
  events.addEventListener("tx", (event) => {
    remember({ ...JSON.parse(event.data), time: Math.floor(Date.now() / 1000) });
    showPool();
  });
  events.addEventListener("tx_removed", (event) => {
    if (pool.delete(JSON.parse(event.data).txid)) showPool();
  });
  events.addEventListener("mempool", (event) => showPoolTotals(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    live("connection lost, trying again", "lost");
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(() => listen(Math.min(wait * 2, RETRY_MAX)), wait);
  });
}

$("more").addEventListener("click", older);
$("more-history").addEventListener("click", olderHistory);
$("find").addEventListener("submit", find);
$("send").addEventListener("submit", send);
window.addEventListener("hashchange", follow);
setInterval(showAges, 1000);
setInterval(() => { if (!document.hidden) { refresh(); refreshRest(); } }, 10000);

async function begin() {
  try {
    state.decimals = (await ask("/spec")).chain.decimals;
  } catch (error) {
    problem(`The node cannot be asked: ${error.message}`, "refresh");
  }
  await refresh();
  await refreshRest();
  await follow();
}

begin();
listen(RETRY_MIN);
