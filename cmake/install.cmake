# What `make install` puts where; debian/ makes packages of the same.
include(GNUInstallDirs)
option(TRO_MAN "Make man pages of --help; needs help2man" OFF)
# Not kept in the cache: another prefix has other folders.
set(TRO_UNIT_DIR lib/systemd/system)
set(TRO_SYSUSERS_DIR lib/sysusers.d)

install(TARGETS tro tro-api tro-expiry-worker tro-outbox-publisher tro-bench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
foreach(unit tro tro-api tro-expiry-worker tro-outbox-publisher)
	configure_file(packaging/systemd/${unit}.service ${CMAKE_BINARY_DIR}/systemd/${unit}.service @ONLY)
	install(FILES ${CMAKE_BINARY_DIR}/systemd/${unit}.service DESTINATION ${TRO_UNIT_DIR})
endforeach()
install(FILES packaging/systemd/sysusers.conf DESTINATION ${TRO_SYSUSERS_DIR} RENAME tro.conf)
# Settings have passwords in them, and those that somebody has made stay.
set(settings ${CMAKE_INSTALL_FULL_SYSCONFDIR}/tro)
install(CODE "
	if(NOT EXISTS \"\$ENV{DESTDIR}${settings}/tro.env\")
		file(INSTALL DESTINATION \"${settings}\" TYPE FILE PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ FILES \"${CMAKE_SOURCE_DIR}/packaging/tro.env\")
	endif()")
install(FILES packaging/completions/tro.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME tro)
install(FILES packaging/completions/tro.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md" PATTERN "*.svg")
install(FILES api/openapi.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR})

if(NOT TRO_MAN)
	return()
endif()
find_program(HELP2MAN help2man REQUIRED)
add_custom_target(man)
# tro_man(<program> <section> <what it is>)
function(tro_man program section name)
	set(page ${CMAKE_BINARY_DIR}/man/${program}.${section})
	add_custom_command(
		OUTPUT ${page}
		COMMAND ${CMAKE_SOURCE_DIR}/packaging/man.sh $<TARGET_FILE:${program}> ${section} ${name} ${page}
		DEPENDS ${program} ${CMAKE_SOURCE_DIR}/packaging/man.sh
		VERBATIM)
	add_custom_target(man-${program} DEPENDS ${page})
	add_dependencies(man man-${program})
	install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endfunction()
tro_man(tro 1 "ticket reservations and orders")
tro_man(tro-bench 1 "load a running TRO server and check what it answers")
tro_man(tro-api 8 "the API of TRO")
tro_man(tro-expiry-worker 8 "free what is not paid in time in TRO")
tro_man(tro-outbox-publisher 8 "publish the events of TRO to RabbitMQ")
