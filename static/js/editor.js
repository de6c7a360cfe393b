// Rich text: TinyMCE over every text area with data-editor. The server cleans whatever arrives; nothing here is a guard.
const TOOLBAR =
  "undo redo | blocks styles | bold italic underline strikethrough | bullist numlist blockquote | link image table charmap | removeformat searchreplace visualblocks code fullscreen";
const PLUGINS = "lists link image table autolink charmap searchreplace visualblocks code fullscreen wordcount";
const STYLED = "p,h2,h3,h4,li,td,th,figure,img";
const ELEMENTS =
  "p[class],h2[class],h3[class],h4[class],ul,ol,li[class],blockquote,hr,br,a[href|title],strong/b,em/i,u,s/del/strike,sub,sup," +
  "img[src|alt|width|height|class|loading],figure[class],figcaption,table,caption,thead,tbody,tr,td[colspan|rowspan|class],th[colspan|rowspan|scope|class]";

const areas = [...document.querySelectorAll("textarea[data-editor]")];

function script(address) {
  return new Promise((done, failed) => {
    const element = document.createElement("script");
    element.src = address;
    element.addEventListener("load", done);
    element.addEventListener("error", () => failed(new Error(address)));
    document.head.append(element);
  });
}

function sender(area) {
  return async (blob) => {
    const form = new FormData();
    form.append("file", blob.blob(), "picture");
    const token = area.form?.elements.csrf_token?.value;
    const answer = await fetch(area.dataset.uploads, {
      method: "POST",
      body: form,
      headers: token ? { "X-CSRF-Token": token } : {},
    }).catch(() => null);
    const told = await answer?.json().catch(() => null);
    if (!answer?.ok || !told?.location) {
      throw { message: told?.error ?? area.dataset.failed, remove: true };
    }
    return told.location;
  };
}

// A pasted page brings handlers and pictures from elsewhere, which the server would drop. They go before the editor reads them,
// where the person sees it: browsers fetch such pictures and report each handler that is read, though none runs. So handlers
// go while all of it is still text, which need not find every one.
const TAG = /<[a-z](?:[^>"']|"[^"]*"|'[^']*')*>/gi;
const HANDLER = /([\s/"'])on\w+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']*)/gi;

function ownContent(html) {
  const paper = document.createElement("template");
  paper.innerHTML = html.replace(TAG, (tag) => tag.replace(HANDLER, "$1"));
  for (const picture of paper.content.querySelectorAll("img")) {
    if (!/^(blob:|data:|\/media\/)/.test(picture.getAttribute("src") ?? "")) picture.remove();
  }
  return paper.innerHTML;
}

// A form is not sent before the pictures of all its editors have arrived.
const written = new Map();

function sendWhole(editor, area) {
  const editors = written.get(area.form);
  if (editors) {
    editors.push(editor);
    return;
  }
  written.set(area.form, [editor]);
  let ready = false;
  const held = async (event) => {
    if (ready || event.target !== area.form) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // others take a submit for the real one
    const { submitter } = event;
    for (const one of written.get(area.form)) {
      await one.uploadImages();
      one.save();
    }
    await new Promise((next) => setTimeout(next)); // while this event is still under way, nothing else is submitted
    ready = true;
    area.form.requestSubmit(submitter);
    ready = false;
  };
  window.addEventListener("submit", held, true);
}

function settings(area) {
  const { editor, uploads, content, language, languageUrl, centred, right, small, note } = area.dataset;
  return {
    target: area,
    license_key: "gpl",
    base_url: editor.slice(0, editor.lastIndexOf("/")),
    suffix: ".min",
    ...(language ? { language, language_url: languageUrl } : {}),
    plugins: PLUGINS,
    toolbar: TOOLBAR,
    menubar: false,
    promotion: false,
    skin: matchMedia("(prefers-color-scheme: dark)").matches ? "oxide-dark" : "oxide",
    content_css: content,
    body_class: "prose",
    block_formats: "Paragraph=p; Heading 2=h2; Heading 3=h3; Heading 4=h4; Blockquote=blockquote",
    formats: {
      underline: { inline: "u", exact: true },
      strikethrough: { inline: "s", exact: true },
      centred: { selector: STYLED, classes: "text-center" },
      right: { selector: STYLED, classes: "text-right" },
      small: { selector: STYLED, classes: "text-small" },
      note: { selector: "p", classes: "note" },
    },
    style_formats: [
      { title: centred, format: "centred" },
      { title: right, format: "right" },
      { title: small, format: "small" },
      { title: note, format: "note" },
    ],
    valid_elements: ELEMENTS,
    invalid_styles: "*",
    object_resizing: false,
    table_appearance_options: false,
    table_advtab: false,
    table_cell_advtab: false,
    table_row_advtab: false,
    table_default_attributes: {},
    table_default_styles: {},
    table_use_colgroups: false,
    table_sizing_mode: "responsive",
    table_resize_bars: false,
    convert_urls: false,
    link_target_list: false,
    image_dimensions: true,
    images_reuse_filename: false,
    automatic_uploads: true,
    paste_data_images: Boolean(uploads),
    images_file_types: "jpeg,jpg,png,webp,gif",
    ...(uploads ? { images_upload_handler: sender(area), file_picker_types: "image" } : {}),
    paste_preprocess: (_, event) => {
      event.content = ownContent(event.content);
    },
    setup: (made) => {
      made.on("BeforeSetContent", (event) => {
        if (typeof event.content === "string" && !event.selection) event.content = ownContent(event.content);
      });
      made.on("init", () => {
        made.iframeElement.title = area.labels[0]?.textContent.trim() ?? "";
        made.getContainer().setAttribute("data-editor-ready", "");
        sendWhole(made, area);
      });
    },
  };
}

if (areas.length) {
  await script(areas[0].dataset.editor).then(
    () => Promise.all(areas.map((area) => window.tinymce.init(settings(area)))),
    () => {}, // the text areas are still there
  );
}
