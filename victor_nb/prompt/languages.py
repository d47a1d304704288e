"""Languages by name and code: those of ISO 639-1 that are in use, and what the larger ones call themselves."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from victor_nb.errors import ConfigError, did_you_mean

_CODES: Final = """
aa Afar;ab Abkhazian;af Afrikaans;ak Akan;am Amharic;an Aragonese;ar Arabic;as Assamese;av Avaric;ay Aymara
az Azerbaijani;ba Bashkir;be Belarusian;bg Bulgarian;bi Bislama;bm Bambara;bn Bengali;bo Tibetan;br Breton;bs Bosnian
ca Catalan;ce Chechen;ch Chamorro;co Corsican;cr Cree;cs Czech;cv Chuvash;cy Welsh;da Danish;de German;dv Divehi
dz Dzongkha;ee Ewe;el Greek;en English;eo Esperanto;es Spanish;et Estonian;eu Basque;fa Persian;ff Fulah;fi Finnish
fj Fijian;fo Faroese;fr French;fy Western Frisian;ga Irish;gd Scottish Gaelic;gl Galician;gn Guarani;gu Gujarati
gv Manx;ha Hausa;he Hebrew;hi Hindi;hr Croatian;ht Haitian Creole;hu Hungarian;hy Armenian;ia Interlingua
id Indonesian;ig Igbo;is Icelandic;it Italian;iu Inuktitut;ja Japanese;jv Javanese;ka Georgian;kg Kongo;ki Kikuyu
kk Kazakh;kl Greenlandic;km Khmer;kn Kannada;ko Korean;ks Kashmiri;ku Kurdish;kw Cornish;ky Kyrgyz;la Latin
lb Luxembourgish;lg Ganda;li Limburgish;ln Lingala;lo Lao;lt Lithuanian;lv Latvian;mg Malagasy;mh Marshallese;mi Maori
mk Macedonian;ml Malayalam;mn Mongolian;mr Marathi;ms Malay;mt Maltese;my Burmese;nb Norwegian Bokmål
nd North Ndebele;ne Nepali;nl Dutch;nn Norwegian Nynorsk;no Norwegian;nr South Ndebele;nv Navajo;ny Chichewa;oc Occitan
oj Ojibwa;om Oromo;or Odia;os Ossetian;pa Punjabi;pl Polish;ps Pashto;pt Portuguese;qu Quechua;rm Romansh;rn Rundi
ro Romanian;ru Russian;rw Kinyarwanda;sa Sanskrit;sc Sardinian;sd Sindhi;se Northern Sami;sg Sango;si Sinhala;sk Slovak
sl Slovenian;sm Samoan;sn Shona;so Somali;sq Albanian;sr Serbian;ss Swati;st Southern Sotho;su Sundanese;sv Swedish
sw Swahili;ta Tamil;te Telugu;tg Tajik;th Thai;ti Tigrinya;tk Turkmen;tl Tagalog;tn Tswana;to Tongan;tr Turkish
ts Tsonga;tt Tatar;tw Twi;ty Tahitian;ug Uyghur;uk Ukrainian;ur Urdu;uz Uzbek;ve Venda;vi Vietnamese;wa Walloon
wo Wolof;xh Xhosa;yi Yiddish;yo Yoruba;za Zhuang;zh Chinese;zu Zulu
"""
NAMES: Final = {entry[:2]: entry[3:] for line in _CODES.split("\n") for entry in line.split(";") if entry}
"""Code → English name."""

_OWN: Final = {
    "العربية": "ar", "български": "bg", "català": "ca", "čeština": "cs", "dansk": "da", "deutsch": "de",
    "ελληνικά": "el",
    "español": "es", "castellano": "es", "eesti": "et", "euskara": "eu", "فارسی": "fa", "farsi": "fa", "suomi": "fi",
    "français": "fr", "gaeilge": "ga", "galego": "gl", "עברית": "he", "हिन्दी": "hi", "hrvatski": "hr", "magyar": "hu",
    "bahasa indonesia": "id", "íslenska": "is", "italiano": "it", "日本語": "ja", "한국어": "ko", "lietuvių": "lt",
    "latviešu": "lv", "bahasa melayu": "ms", "nederlands": "nl", "norsk": "no", "polski": "pl", "português": "pt",
    "română": "ro", "русский": "ru", "slovenčina": "sk", "slovenščina": "sl", "shqip": "sq", "српски": "sr",
    "svenska": "sv", "kiswahili": "sw", "ไทย": "th", "türkçe": "tr", "українська": "uk", "tiếng việt": "vi",
    "中文": "zh", "mandarin": "zh", "cymraeg": "cy", "filipino": "tl", "bokmål": "nb", "nynorsk": "nn",
}  # fmt: skip
_VARIETIES: Final = {
    "zh-hans": "Simplified Chinese", "zh-cn": "Simplified Chinese", "zh-hant": "Traditional Chinese",
    "zh-tw": "Traditional Chinese", "pt-br": "Brazilian Portuguese", "pt-pt": "European Portuguese",
    "en-gb": "British English", "en-us": "American English", "es-mx": "Mexican Spanish", "fr-ca": "Canadian French",
    "de-ch": "Swiss Standard German", "de-at": "Austrian German",
}  # fmt: skip
_TAG: Final = re.compile(r"([a-z]{2})[-_]([a-z]{2}|[a-z]{4}|[0-9]{3})")


def language_named(given: str) -> str:
    """The English name of a language that is given by any name or code.

    Raises:
        ConfigError: there is no such language.
    """
    word = unicodedata.normalize("NFC", given).strip().casefold() if isinstance(given, str) else ""  # pyright: ignore[reportUnnecessaryIsInstance]
    if found := _known().get(word) or _variety(word):
        return found
    raise ConfigError(
        f"{given!r} is no language that is known here.{did_you_mean(word, _known())}",
        hint="Give its name in English or its ISO 639-1 code, as in 'german', 'de' or 'pt-BR'.",
    )


def _known() -> dict[str, str]:
    varieties = {name.casefold(): name for name in _VARIETIES.values()}
    names = {name.casefold(): name for name in NAMES.values()}
    return {**varieties, **NAMES, **names, **{own: NAMES[code] for own, code in _OWN.items()}}


def _variety(word: str) -> str | None:
    tag = _TAG.fullmatch(word)
    if not tag or tag[1] not in NAMES:
        return None
    name = NAMES[tag[1]]
    region = tag[2].title() if len(tag[2]) == 4 else tag[2].upper()
    return _VARIETIES.get(word.replace("_", "-"), f"{name} ({region})")
