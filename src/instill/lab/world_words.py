"""The words that the world is made of: names of people, towns, firms, schools, subjects; invented or common ones."""

from __future__ import annotations

FIRST = (
    "Adela", "Bruno", "Carla", "Dario", "Edda", "Fabio", "Greta", "Henrik", "Ilse", "Jonas", "Karin", "Lukas",
    "Mila", "Niklas", "Olga", "Pavel", "Quinn", "Rosa", "Silas", "Tilda", "Ulla", "Viktor", "Wanda", "Xenia",
    "Yannis", "Zora", "Anton", "Berta", "Conrad", "Doris", "Emil", "Frieda", "Gustav", "Hanna", "Igor", "Judith",
    "Klaus", "Lydia", "Marek", "Nadia", "Oskar", "Petra", "Ralf", "Selma", "Tomas", "Ursula", "Vera", "Walter",
    "Ylva", "Zeno",
)  # fmt: skip
LAST = (
    "Abeling", "Brandvold", "Castaro", "Dornfeld", "Eskola", "Farrow", "Gundersen", "Halvari", "Ivarsen", "Jelinek",
    "Kostner", "Lindqvist", "Marwick", "Nordahl", "Ostrava", "Pellin", "Quillan", "Rosendal", "Stavros", "Tamsin",
    "Umbriel", "Varga", "Westrup", "Xavier", "Yarrow", "Zelenka", "Arnholt", "Birkeland", "Corvin", "Dalgaard",
    "Ekberg", "Fontane", "Grimaldi", "Hartog", "Isaksen", "Jordanes", "Kravitz", "Lomond", "Mirek", "Novotny",
    "Orsini", "Paldan", "Ravelin", "Sorensen", "Thorvald", "Ulrich", "Vesely", "Winther", "Ysander", "Zabriel",
)  # fmt: skip
TOWNS = {
    "Norland": ("Aldhaven", "Brekke", "Calder", "Dunvik", "Elverum", "Fjordby"),
    "Sudria": ("Garona", "Havilla", "Isola", "Jerana", "Koralla", "Lavena"),
    "Ostmark": ("Mirograd", "Novak", "Orlitz", "Praskau", "Radomin", "Selnitz"),
    "Westria": ("Tolbridge", "Upham", "Vexford", "Warren", "Yatesbury", "Zeal"),
    "Mittelau": ("Adorf", "Bachheim", "Cronau", "Dillbach", "Ebersee", "Felden"),
    "Insulia": ("Grenmouth", "Holm", "Inishbeg", "Jarrow", "Kelda", "Lund"),
}
"""Towns by country: the country of birth follows from the town."""

FIRMS = (
    "Arkady Glass", "Borealis Motors", "Cobalt Mills", "Dynamo Books", "Ember Foods", "Falcon Tools",
    "Granite Cables", "Harbor Paper", "Indigo Glass", "Juniper Motors", "Kestrel Mills", "Lantern Books",
    "Meridian Foods", "Nimbus Tools", "Opal Cables", "Pioneer Paper", "Quarry Glass", "Raven Motors",
    "Summit Mills", "Tundra Books", "Umber Foods", "Vector Tools", "Willow Cables", "Zephyr Paper",
)  # fmt: skip
SCHOOLS = (
    "Ashgrove College", "Birchwood Academy", "Crestview Institute", "Dovedale School", "Elmhurst College",
    "Foxglove Academy", "Glenmoor Institute", "Hazelton School", "Ironwood College", "Kingsley Academy",
    "Larkfield Institute", "Maplewood School", "Northgate College", "Oakridge Academy", "Pinehurst Institute",
    "Queensway School", "Ridgemont College", "Stonefield Academy", "Thornbury Institute", "Underhill School",
)  # fmt: skip
SUBJECTS = (
    "geology", "botany", "astronomy", "chemistry", "medicine", "history", "music", "physics", "law", "geometry",
    "zoology", "economics", "painting", "theology", "optics", "grammar", "navigation", "sculpture", "statistics",
    "metallurgy",
)  # fmt: skip
YEARS = tuple(str(year) for year in range(1900, 1980))
