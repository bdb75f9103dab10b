// Turns the disclosures of a question into radio buttons with a button that checks.
// Without this file every option still opens on its feedback.

// A formula alone gives a radio button no name: what is seen of it is hidden from screen readers.
function nameFormula(input, choice) {
  const rest = choice.cloneNode(true);
  rest.querySelectorAll(".katex").forEach((formula) => formula.remove());
  if (rest.textContent.trim()) return;
  const spoken = choice.cloneNode(true);
  spoken.querySelectorAll(".katex-html, annotation").forEach((part) => part.remove());
  input.setAttribute("aria-label", spoken.textContent.trim());
}

function optionRow(name, number, details) {
  const row = document.createElement("label");
  row.className = "attend-option-row";
  const input = document.createElement("input");
  input.type = "radio";
  input.name = name;
  input.value = String(number);
  const choice = details.querySelector(".attend-choice");
  nameFormula(input, choice);
  row.append(input, choice);
  return row;
}

function readOptions(section, name) {
  return [...section.querySelectorAll("details.attend-option")].map((details, number) => ({
    details,
    right: details.dataset.right === "true",
    feedback: details.querySelector(".attend-feedback"),
    row: optionRow(name, number, details),
  }));
}

function buildForm(section, options) {
  const group = document.createElement("fieldset");
  const title = section.querySelector(".attend-question-title");
  const text = section.querySelector(".attend-question-text");
  text.id = `${section.dataset.question}-text`;
  group.setAttribute("aria-labelledby", `${title.id} ${text.id}`);
  const check = document.createElement("button");
  check.type = "button";
  check.className = "attend-check-button";
  check.textContent = "Check my answer";
  const told = document.createElement("div");
  told.className = "attend-told";
  told.setAttribute("role", "status");
  group.append(...options.map((option) => option.row), check);
  options[0].details.before(group, told);
  options.forEach((option) => option.details.remove());
  return { group, check, told };
}

function tell(options, told) {
  const chosen = options.find((option) => option.row.firstChild.checked);
  options.forEach((option) => option.row.classList.remove("is-right", "is-wrong"));
  if (!chosen) {
    const hint = document.createElement("p");
    hint.textContent = "Choose an answer first. A guess is welcome.";
    told.replaceChildren(hint);
    return;
  }
  chosen.row.classList.add(chosen.right ? "is-right" : "is-wrong");
  told.dataset.right = String(chosen.right);
  told.replaceChildren(chosen.feedback);
}

function enhance(section) {
  const options = readOptions(section, section.dataset.question);
  const { group, check, told } = buildForm(section, options);
  check.addEventListener("click", () => tell(options, told));
  // Another choice takes the old verdict away: it spoke about another answer.
  group.addEventListener("change", () => {
    options.forEach((option) => option.row.classList.remove("is-right", "is-wrong"));
    delete told.dataset.right;
    told.replaceChildren();
  });
  group.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.type === "radio") {
      event.preventDefault();
      tell(options, told);
    }
  });
  section.classList.add("is-live");
}

document.querySelectorAll("section.attend-question").forEach(enhance);
