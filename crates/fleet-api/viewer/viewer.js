// Shows the tower's own OpenAPI description. It asks nobody but the tower, and writes text only:
// nothing of the description is ever taken for markup.
const $ = (id) => document.getElementById(id);

function el(name, text, cls) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (cls) node.className = cls;
  return node;
}

// A schema with its references replaced, a few levels deep, as an outline of the JSON.
function outline(doc, schema, depth = 0) {
  if (!schema) return "any";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return depth > 4 ? name : outline(doc, doc.components.schemas[name], depth + 1);
  }
  if (schema.oneOf || schema.anyOf) {
    const parts = (schema.oneOf ?? schema.anyOf).map((part) => outline(doc, part, depth));
    return parts.every((part) => typeof part === "string") ? parts.join(" | ") : parts;
  }
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => outline(doc, part, depth)));
  if (schema.enum) return schema.enum.join(" | ");
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : schema.type;
  if (type?.startsWith("array")) return [outline(doc, schema.items, depth)];
  if (schema.properties) {
    const required = new Set(schema.required ?? []);
    return Object.fromEntries(
      Object.entries(schema.properties).map(([key, value]) => [
        required.has(key) ? key : `${key}?`,
        outline(doc, value, depth + 1),
      ]),
    );
  }
  return type ?? "any";
}

function content(doc, node, title, media) {
  for (const [kind, { schema }] of Object.entries(media ?? {})) {
    node.append(el("p", `${title} (${kind})`));
    node.append(el("pre", JSON.stringify(outline(doc, schema), null, 2)));
  }
}

function operation(doc, path, method, op) {
  const details = el("details");
  const summary = el("summary");
  summary.append(el("span", method.toUpperCase(), "method"), el("code", path));
  summary.append(el("span", ` ${op.summary ?? ""}`));
  details.append(summary);
  if (op.description) details.append(el("p", op.description));
  if (op.parameters?.length) {
    const table = el("table");
    for (const param of op.parameters) {
      const row = el("tr");
      row.append(el("th", param.name), el("td", param.in), el("td", param.description ?? ""));
      table.append(row);
    }
    details.append(table);
  }
  content(doc, details, "Request", op.requestBody?.content);
  for (const [status, response] of Object.entries(op.responses ?? {})) {
    details.append(el("h4", `${status} ${response.description ?? ""}`));
    if (status < 400) content(doc, details, "Answer", response.content);
  }
  return details;
}

function show(doc) {
  const groups = new Map();
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const [method, op] of Object.entries(item)) {
      const tag = op.tags?.[0] ?? "other";
      groups.set(tag, [...(groups.get(tag) ?? []), operation(doc, path, method, op)]);
    }
  }
  const parts = [el("p", doc.info.description ?? "")];
  for (const [tag, operations] of groups) parts.push(el("h2", tag), ...operations);
  $("doc").replaceChildren(...parts);
}

async function load(token) {
  const answer = await fetch("/api/v1/openapi.json", { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) {
    $("status").textContent = answer.status === 401 ? "This token is not valid." : `HTTP ${answer.status}`;
    return;
  }
  show(await answer.json());
  $("status").textContent = "Every call but /healthz needs: Authorization: Bearer <token>";
}

$("sign").addEventListener("submit", (event) => {
  event.preventDefault();
  load($("token").value.trim());
});

// The console keeps its token for this tab under this key.
const kept = sessionStorage.getItem("gwanje.token");
if (kept) load(kept);
