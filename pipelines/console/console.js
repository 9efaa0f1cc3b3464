// Adds to a page that works without it: keys, the slider, and scans as they run and end.
"use strict";

const PERIOD_MS = 2000;
const by = document.getElementById("by");
const rows = [...document.querySelectorAll("tr.spark")];
let chosen = -1;

for (const figure of document.querySelectorAll(".compare")) {
  const slider = figure.querySelector("input");
  const move = () => figure.style.setProperty("--cut", `${slider.value}%`);
  slider.addEventListener("input", move);
  move();
}

for (const form of document.querySelectorAll("form.judge")) {
  form.addEventListener("submit", () => { form.elements.by.value = by.value; });
}

function choose(number) {
  if (rows.length === 0) return;
  chosen = Math.max(0, Math.min(rows.length - 1, number));
  rows[chosen].focus();
  rows[chosen].scrollIntoView({ block: "nearest" });
}

function judge(value) {
  if (chosen < 0) return;
  rows[chosen].querySelector(`button[value="${value}"]`).click();
}

const keys = {
  j: () => choose(chosen + 1),
  k: () => choose(chosen - 1),
  y: () => judge("yes"),
  n: () => judge("no"),
  s: () => document.querySelector("#scans a").focus(),
  t: () => document.getElementById("threshold").focus(),
};

document.addEventListener("keydown", (event) => {
  const isText = event.target.matches("input:not([type=range])");
  if (event.key === "Escape" && isText) event.target.blur();
  if (isText || event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
});

const judged = location.hash.match(/^#spark(\d+)$/);
if (judged) choose(Number(judged[1]));

// Of the scan that runs and is shown: its last image, and what was found so far. Once it has ended, the newest is shown.
function refreshLive(lists) {
  const live = document.getElementById("live");
  if (live === null) return;
  const row = [...lists.querySelectorAll("tr[data-scan]")].find((each) => each.dataset.scan === live.dataset.scan);
  if (row === undefined) {
    location.assign("/");
    return;
  }
  live.querySelector("h1").textContent = row.dataset.told;
  if (row.dataset.pictures === live.dataset.pictures) return;
  if (live.querySelector(".compare") === null) {
    location.reload();
    return;
  }
  live.dataset.pictures = row.dataset.pictures;
  for (const image of live.querySelectorAll("img")) {
    image.src = `${image.getAttribute("src").split("?")[0]}?${row.dataset.pictures}`;
  }
}

function isBusy() {
  return document.activeElement !== document.body || chosen >= 0;
}

// The newest scan is followed unless one was chosen, or somebody is at work on the page.
function isFollowing() {
  const asked = new URLSearchParams(location.search);
  return !asked.has("scan") && !asked.has("running") && !isBusy();
}

// Pictures of the scan that is shown may come later than the scan itself.
function hasNewPictures(lists) {
  const [fresh, shown] = [lists, document].map((each) => each.querySelector("#scans tr.chosen"));
  return fresh !== null && shown !== null && "seen" in fresh.dataset && !("seen" in shown.dataset);
}

async function refresh() {
  const current = document.querySelector("#scans a[aria-current]");
  const scan = current ? new URL(current.href).searchParams.get("scan") : "";
  try {
    const answer = await fetch(`/lists?scan=${scan}`);
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    document.getElementById("status").textContent = answer.headers.get("X-Status");
    const lists = document.createElement("template");
    // Written by the server, which has escaped every name in it.
    lists.innerHTML = await answer.text();
    refreshLive(lists.content);
    if (hasNewPictures(lists.content) && !isBusy()) location.reload();
    for (const fresh of lists.content.querySelectorAll("tbody")) {
      const shown = document.getElementById(fresh.id);
      // Nobody's place in the list is taken away.
      if (!shown.isEqualNode(fresh) && !shown.contains(document.activeElement)) shown.replaceWith(fresh);
    }
    const newest = document.querySelector("#scans a");
    if (newest && !newest.hasAttribute("aria-current") && isFollowing()) location.reload();
  } catch (error) {
    document.getElementById("status").textContent = `despark console does not answer (${error.message})`;
  }
}

setInterval(refresh, PERIOD_MS);
